// SPDX-License-Identifier: LGPL-2.1-only
// Stack instructions: SDM Volume 1 "Procedure Calls, Interrupts, and Exceptions", "Stack". T is the operand size, A the width of the stack
// pointer: u64 in 64-bit mode, else by SS.B.
import { probe, readStack, stackAddress, value, write, writeStack } from "../memory/access";
import { RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP, ACCESS_SEGMENT } from "../generated/layout";
import { Mem, Reg, reg, setReg } from "../state/registers";

/** Pushes a value: the write faults before rSP changes. */
@inline export function push<T, A>(v: T): void {
  const sp = <A>(reg<A>(RSP) - <A>sizeof<T>());
  writeStack<T>(stackAddress<A>(<u64>sp), v);
  setReg<A>(RSP, sp);
}

/** The value at an offset above the stack pointer; rSP stays. */
@inline export function peek<T, A>(offset: u64): T { return readStack<T>(stackAddress<A>(<u64><A>(<u64>reg<A>(RSP) + offset))); }

/** Moves rSP by a number of bytes; a 16-bit stack pointer leaves the upper bits of rSP alone. */
@inline export function moveStackPointer<A>(bytes: i64): void { setReg<A>(RSP, <A>(<u64>reg<A>(RSP) + bytes)); }

/** Pops a value. */
@inline export function pop<T, A>(): T {
  const v = peek<T, A>(0);
  moveStackPointer<A>(sizeof<T>());
  return v;
}

/** PUSH: PUSH rSP stores the value before the push. SDM 2B "PUSH—Push Word, Doubleword, or Quadword Onto the Stack". */
@inline export function PUSH<T, A, S>(s: S): void { push<T, A>(value<T, S>(s)); }

/**
 * POP: a memory destination is written before rSP moves (its address, when based on rSP, counts from the incremented rSP: the decoder adds
 * the operand size to the displacement); POP rSP keeps the value popped. SDM 2B "POP—Pop a Value From the Stack".
 */
@inline export function POP<T, A, D>(d: D): void {
  const segment = sizeof<A>() == 8 ? 0 : load<u32>(ACCESS_SEGMENT);   // the destination's: the read from the stack names its own
  const v = peek<T, A>(0);
  if (sizeof<D>() == 4) {
    moveStackPointer<A>(sizeof<T>());
    setReg<T>(<Reg>d, v);
  } else {
    if (sizeof<A>() != 8) store<u32>(ACCESS_SEGMENT, segment);
    write<T>(<Mem>d, v);
    moveStackPointer<A>(sizeof<T>());
  }
}

/** The address of the n-th word below the stack pointer, checked for writing. */
function below<T, A>(n: u64): u64 {
  const ea = stackAddress<A>(<u64><A>(reg<u64>(RSP) - n * sizeof<T>()));
  probe(ea, sizeof<T>(), sizeof<T>(), 1);
  return ea;
}

/** PUSHA, PUSHAD: all eight writes are checked before the first. SDM 2B "PUSHA/PUSHAD—Push All General-Purpose Registers". */
export function PUSHA<T, A>(): void {
  for (let n: u64 = 1; n <= 8; n++) below<T, A>(n);
  for (let n: u64 = 1; n <= 8; n++) writeStack<T>(below<T, A>(n), reg<T>(<Reg>(RAX + (<u32>n - 1) * 8)));
  moveStackPointer<A>(-8 * <i64>sizeof<T>());
}

/** POPA, POPAD: rSP on the stack is skipped. SDM 2B "POPA/POPAD—Pop All General-Purpose Registers". */
export function POPA<T, A>(): void {
  const di = peek<T, A>(0), si = peek<T, A>(sizeof<T>()), bp = peek<T, A>(2 * sizeof<T>()), bx = peek<T, A>(4 * sizeof<T>());
  const dx = peek<T, A>(5 * sizeof<T>()), cx = peek<T, A>(6 * sizeof<T>()), ax = peek<T, A>(7 * sizeof<T>());
  setReg<T>(RDI, di);
  setReg<T>(RSI, si);
  setReg<T>(RBP, bp);
  setReg<T>(RBX, bx);
  setReg<T>(RDX, dx);
  setReg<T>(RCX, cx);
  setReg<T>(RAX, ax);
  moveStackPointer<A>(8 * sizeof<T>());
}

/**
 * ENTER imm16, imm8: builds a frame, copying level - 1 frame pointers; the last stack pointer must be writable too. All is checked, in the
 * order of the accesses, before the first write. SDM 2A "ENTER—Make Stack Frame for Procedure Parameters".
 */
export function ENTER<T, A>(bytes: u16, nesting: u8): void {
  const level = <u64>nesting & 31, sp = reg<u64>(RSP);
  let frame = <u64><A>(sp - sizeof<T>());
  // a 16-bit stack pointer keeps the rest of ESP, and EBP takes all of it
  if (sizeof<A>() == 2) frame |= sp & 0xffff0000;
  const words = level == 0 ? 1 : level + 1, last = sp - words * sizeof<T>() - <u64>bytes;
  below<T, A>(1);
  for (let n: u64 = 1; n < level; n++) {
    readStack<T>(outer<T, A>(n));
    below<T, A>(n + 1);
  }
  below<T, A>(words);
  probe(stackAddress<A>(<u64><A>last), sizeof<T>(), sizeof<T>(), 1);
  writeStack<T>(below<T, A>(1), reg<T>(RBP));
  for (let n: u64 = 1; n < level; n++) {
    const v = readStack<T>(outer<T, A>(n));
    writeStack<T>(below<T, A>(n + 1), v);
  }
  if (level > 0) writeStack<T>(below<T, A>(words), <T>frame);
  if (sizeof<T>() == 2) setReg<u16>(RBP, <u16>frame); else setReg<T>(RBP, <T>frame);
  setReg<A>(RSP, <A>last);
}

/** The address of the n-th frame pointer of the outer frames. */
function outer<T, A>(n: u64): u64 { return stackAddress<A>(<u64><A>(reg<u64>(RBP) - n * sizeof<T>())); }

/** LEAVE: rSP := rBP by the stack's width, then POP rBP. SDM 2A "LEAVE—High Level Procedure Exit". */
@inline export function LEAVE<T, A>(): void {
  const bp = reg<u64>(RBP), v = readStack<T>(stackAddress<A>(<u64><A>bp));
  setReg<A>(RSP, <A>(bp + sizeof<T>()));
  setReg<T>(RBP, v);
}
