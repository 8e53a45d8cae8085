// SPDX-License-Identifier: LGPL-2.1-only
// x87 control. SDM 2 "FINIT/FNINIT", "FLDCW", "FSTCW/FNSTCW", "FSTSW/FNSTSW", "FCLEX/FNCLEX", "FSTENV/FNSTENV", "FLDENV", "FSAVE/FNSAVE",
// "FRSTOR", "WAIT/FWAIT"; SDM 1 "x87 FPU State": the four layouts of the environment.
import { read, write } from "../memory/access";
import { partAddress, probe80, probeParts } from "../memory/operand_part";
import {
  RAX, MODE, MODE_PROTECTED, X87_REGISTERS, X87_CONTROL, X87_STATUS, X87_TAGS, X87_OPCODE, X87_IP, X87_DP, X87_CS,
  X87_DS,
} from "../generated/layout";
import { numericErrorMayEnd, x87Available, x87Check, waitCheck } from "../float/fpu_state";
import { INTEGER_BIT } from "../float/soft_float";
import { C0, C1, C2, C3, ES_B, EXPONENT80, st } from "./x87_state";
import { Mem, setReg } from "../state/registers";
import { InitialConfiguration, FloatException, X87Control, X87Opcode, X87Status } from "../generated/architecture";

/** State after FNINIT. */
export function initialise(): void {
  store<u32>(X87_CONTROL, InitialConfiguration.Fcw); store<u32>(X87_STATUS, 0); store<u32>(X87_TAGS, 0);
  store<u32>(X87_OPCODE, 0); store<u64>(X87_IP, 0); store<u64>(X87_DP, 0); store<u32>(X87_CS, 0); store<u32>(X87_DS, 0);
  numericErrorMayEnd();
}
/** Bits of the control word that can be written. */
@inline const CONTROL_BITS: u32 = FloatException.All | X87Control.PrecisionControl | X87Control.RoundingControl
  | X87Control.InfinityControl;
/** TOP and the condition codes. */
@inline const KEPT_BY_FNCLEX: u32 = X87Status.Top | C0 | C1 | C2 | C3;
/** Writes the control word (bit 6 reads 1, 7 and 15:13 read 0) and decides again whether an exception waits. */
export function setControl(v: u32): void { store<u32>(X87_CONTROL, v & CONTROL_BITS | X87Control.Reserved); summarise(); }
/** Status word with the summary that its flags and the masks give. */
export function summarise(): void {
  const s = load<u32>(X87_STATUS), c = load<u32>(X87_CONTROL);
  store<u32>(X87_STATUS, s & ~c & FloatException.All ? s | ES_B : s & ~ES_B);
  numericErrorMayEnd();
}

/** FNINIT: control 37FH, status 0, all registers empty. SDM 2A "FINIT/FNINIT—Initialize Floating-Point Unit". */
export function FNINIT(): void { x87Available(); initialise(); }
/** FLDCW m16. SDM 2A "FLDCW—Load x87 FPU Control Word". */
export function FLDCW(ea: Mem): void { x87Check(); setControl(<u32>read<u16>(ea)); }
/** FNSTCW m16. SDM 2A "FSTCW/FNSTCW—Store x87 FPU Control Word". */
export function FNSTCW(ea: Mem): void { x87Available(); write<u16>(ea, <u16>load<u32>(X87_CONTROL)); }
/** FNSTSW m16. SDM 2A "FSTSW/FNSTSW—Store x87 FPU Status Word". */
export function FNSTSW(ea: Mem): void { x87Available(); write<u16>(ea, <u16>load<u32>(X87_STATUS)); }
/** FNSTSW AX. */
export function FNSTSWAX(): void { x87Available(); setReg<u16>(RAX, <u16>load<u32>(X87_STATUS)); }
/** FNCLEX: exception flags, stack fault, summary and busy */
export function FNCLEX(): void { x87Available(); store<u32>(X87_STATUS, load<u32>(X87_STATUS) & KEPT_BY_FNCLEX); numericErrorMayEnd(); }
export function FWAIT(): void { waitCheck(); }
/** FNENI, FNDISI, FNSETPM of older coprocessors do nothing */
export function FNOOP(): void { x87Available(); }

/** Full tag word: 00 valid, 01 zero, 10 special, 11 empty. */
export function fullTags(): u32 {
  let tags: u32 = 0;
  const valid = load<u32>(X87_TAGS);
  for (let i: u32 = 0; i < 8; i++) {
    const slot = X87_REGISTERS + (i << 4), e = <u32>load<u16>(slot, 8) & EXPONENT80, sig = load<u64>(slot);
    let tag: u32 = 0;
    if (!(valid >> i & 1)) tag = 3;
    else if (e == 0 && !sig) tag = 1;
    else if (e == 0 || e == EXPONENT80 || !(sig & INTEGER_BIT)) tag = 2;
    tags |= tag << (i << 1);
  }
  return tags;
}
/** Abridged tags of a full tag word. */
function abridged(tags: u32): u32 {
  let valid: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if ((tags >> (i << 1) & 3) != 3) valid |= 1 << i;
  return valid;
}
/** Real-address and virtual-8086 mode keep linear pointers. */
function realFormat(): bool { return (load<u32>(MODE) & MODE_PROTECTED) == 0; }

@inline function environmentSize<T>(): u32 { return sizeof<T>() == 2 ? 14 : 28; }
/** One field of the environment, by its number in order. */
@inline function putField<T>(ea: Mem, n: u32, v: u32): void {
  if (sizeof<T>() == 2) write<u16>(partAddress(ea, n << 1), <u16>v);
  else write<u32>(partAddress(ea, n << 2), v);
}
@inline function field<T>(ea: Mem, n: u32): u32 {
  if (sizeof<T>() == 2) return <u32>read<u16>(partAddress(ea, n << 1));
  else return read<u32>(partAddress(ea, n << 2));
}

function storeEnvironment<T>(ea: Mem): void {
  const high: u32 = sizeof<T>() == 2 ? 0 : 0xffff0000, op = load<u32>(X87_OPCODE) & X87Opcode.Bits;
  putField<T>(ea, 0, load<u32>(X87_CONTROL) | high);
  putField<T>(ea, 1, load<u32>(X87_STATUS) | high);
  putField<T>(ea, 2, fullTags() | high);
  if (realFormat()) {
    const ip = <u32>load<u64>(X87_IP) + (load<u32>(X87_CS) << 4), dp = <u32>load<u64>(X87_DP) + (load<u32>(X87_DS) << 4);
    putField<T>(ea, 3, ip & 0xffff);
    putField<T>(ea, 4, (ip >> 16 & (sizeof<T>() == 2 ? 15 : 0xffff)) << 12 | op);
    putField<T>(ea, 5, dp & 0xffff);
    putField<T>(ea, 6, (dp >> 16 & (sizeof<T>() == 2 ? 15 : 0xffff)) << 12);
  } else {
    putField<T>(ea, 3, <u32>load<u64>(X87_IP));
    putField<T>(ea, 4, load<u32>(X87_CS) | (sizeof<T>() == 2 ? 0 : op << 16));
    putField<T>(ea, 5, <u32>load<u64>(X87_DP));
    putField<T>(ea, 6, load<u32>(X87_DS) | high);
  }
}
function loadEnvironment<T>(ea: Mem): void {
  const control = field<T>(ea, 0), f3 = field<T>(ea, 3), f4 = field<T>(ea, 4), f5 = field<T>(ea, 5), f6 = field<T>(ea, 6);
  store<u32>(X87_STATUS, field<T>(ea, 1) & 0xffff);
  store<u32>(X87_TAGS, abridged(field<T>(ea, 2)));
  if (realFormat()) {
    store<u64>(X87_IP, f3 & 0xffff | (f4 >> 12 & 0xffff) << 16); store<u32>(X87_CS, 0); store<u32>(X87_OPCODE, f4 & X87Opcode.Bits);
    store<u64>(X87_DP, f5 & 0xffff | (f6 >> 12 & 0xffff) << 16); store<u32>(X87_DS, 0);
  } else {
    store<u64>(X87_IP, f3); store<u32>(X87_CS, f4 & 0xffff);
    if (sizeof<T>() == 4) store<u32>(X87_OPCODE, f4 >> 16 & X87Opcode.Bits);
    store<u64>(X87_DP, f5); store<u32>(X87_DS, f6 & 0xffff);
  }
  setControl(control);
}
/** A word of an 80-bit number in the memory operand: its significand is one part, its exponent another. */
function word80(ea: Mem, by: u32, n: u32): u64 { return n < 8 ? partAddress(ea, by) + n : partAddress(ea, by + n); }
/** What the accesses to environment and registers would raise. */
function probeState<T>(ea: Mem, write: u32): void {
  const size = environmentSize<T>();
  probeParts(ea, size, sizeof<T>(), sizeof<T>(), write);
  for (let i: u32 = 0; i < 8; i++) probe80(partAddress(ea, size + i * 10), 1, write);
}
/** FNSTENV: afterwards all exceptions are masked */
export function FNSTENV<T>(ea: Mem): void {
  x87Available();
  probeParts(ea, environmentSize<T>(), sizeof<T>(), sizeof<T>(), 1);
  storeEnvironment<T>(ea);
  setControl(load<u32>(X87_CONTROL) | FloatException.All);
}
export function FLDENV<T>(ea: Mem): void {
  x87Check();
  probeParts(ea, environmentSize<T>(), sizeof<T>(), sizeof<T>(), 0);
  loadEnvironment<T>(ea);
}
/** FNSAVE: environment and registers in stack order; then FNINIT */
export function FNSAVE<T>(ea: Mem): void {
  x87Available();
  const size = environmentSize<T>();
  probeState<T>(ea, 1);
  storeEnvironment<T>(ea);
  // by words: the area as a whole is aligned to the operand size, its registers are not aligned to 8 bytes
  for (let i: u32 = 0; i < 8; i++) {
    for (let n: u32 = 0; n < 10; n += 2) write<u16>(word80(ea, size + i * 10, n), load<u16>(st(i) + n));
  }
  initialise();
}
export function FRSTOR<T>(ea: Mem): void {
  x87Check();
  const size = environmentSize<T>();
  probeState<T>(ea, 0);
  loadEnvironment<T>(ea);
  for (let i: u32 = 0; i < 8; i++) {
    for (let n: u32 = 0; n < 10; n += 2) store<u16>(st(i) + n, read<u16>(word80(ea, size + i * 10, n)));
  }
}
