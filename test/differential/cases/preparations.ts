// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import type { SegmentName } from './address_space.js';
import { farTarget } from './far_target.js';
import { localSegments, noLocalSelector, selectorOf, systemSelectors } from './local_segments.js';
import { chooseOffset } from './segmented_operand.js';
import type { DecoderEntry } from '../../../src/machine/generator/forms.js';
import type { CaseBuilder } from './case_builder.js';
import type { FormChoice } from './form_choice.js';
import { MemoryMap } from './memory_map.js';

const { rax: RAX, rbp: RBP, rbx: RBX, rcx: RCX, rdi: RDI, rdx: RDX, rsi: RSI, rsp: RSP } = registerNumbers;

type Preparation = (builder: CaseBuilder, choice: FormChoice, bytes: number) => void;

/** True for rows that use x87, MMX or XMM registers. */
export function usesVectorState(entry: DecoderEntry): boolean {
  return (
    entry.operands.some((operand) => 'VWUPQN'.includes(operand.text[0]!)) ||
    /^(x87|mmx|sse|simd|fpu|xsave)/.test(entry.topic)
  );
}

/** Size of the operand in bytes. */
function operandBytes(choice: FormChoice): number {
  return choice.entry.operands[0]?.type === 'u8' ? 1 : choice.entry.hasSizes ? 2 << choice.size : 8;
}

/** An offset for an operand without ModRM. */
function operandOffset(builder: CaseBuilder, segment: SegmentName, alignment = 1): bigint {
  return builder.space.bits === 64 ? builder.address(alignment) : chooseOffset(builder, segment, alignment);
}

/** Sets the stack pointer, so that the stack's top is at a linear address. A 16-bit stack pointer keeps the upper half of ESP. */
function setStackTop(builder: CaseBuilder, linear: bigint | number): void {
  const offset = builder.space.offset('ss', linear);
  const upper = builder.registers[RSP]! & 0xffff0000n;
  builder.set(RSP, builder.space.stackBits === 16 ? upper | BigInt.asUintN(16, offset) : offset);
}

/** A short repeat count, indexes in the data, and the direction mostly forward. */
const stringOperation: Preparation = (builder, choice) => {
  const narrow = choice.bits === 64 && choice.address === 1;
  const high = (): bigint => (narrow && builder.random.chance(0.5) ? BigInt(builder.random.next()) << 32n : 0n);
  builder.set(RSI, operandOffset(builder, builder.stringSegment) + high());
  builder.set(RDI, operandOffset(builder, 'es') + high());
  if (choice.rep !== 0)
    builder.set(
      RCX,
      BigInt(builder.random.chance(0.95) ? builder.random.below(24) : builder.random.below(5000)) + high(),
    );
  if (builder.random.chance(0.3)) builder.set(RAX, BigInt(builder.random.below(4)) * 0x0101010101010101n);
  if (builder.random.chance(0.3)) builder.window.fill(builder.random.below(2));
};

/** A stack pointer in the data, with a return address or a pointer on top half of the time. */
const stackOperation: Preparation = (builder) => {
  const top = builder.address(builder.random.chance(0.8) ? 8 : 1);
  const border = builder.random.chance(0.1) ? builder.space.border('ss', builder.random) : undefined;
  if (border === undefined) setStackTop(builder, top);
  else builder.set(RSP, border);
  if (builder.random.chance(0.5) && top < 0x80000000n) builder.poke(Number(top), codeTarget(builder), 8);
};

/** Where a near branch leads to filler code. */
const codeTarget = (builder: CaseBuilder): bigint => builder.space.offset('cs', builder.landing());

/** A target in the filler for a branch through a register or memory. */
const indirectBranch: Preparation = (builder, choice) => {
  stackOperation(builder, choice, 8);
  if (choice.memory) {
    if (builder.target !== undefined && builder.random.chance(0.8))
      builder.poke(builder.target, codeTarget(builder), 8);
  } else
    for (let register = 0; register < 16; register++)
      if (register !== RSP && builder.random.chance(0.7)) builder.set(register, codeTarget(builder));
};

/** Selectors that user mode cannot load into CS. */
const wrongSelectors = [0, 3, MemoryMap.stackSelector, MemoryMap.codeSelector & ~3, noLocalSelector, 0x10, 0xfff3];

/** A selector for CS, mostly the right one. */
function codeSelector(builder: CaseBuilder): number {
  return builder.random.chance(0.7) ? MemoryMap.codeSelector : builder.random.pick(wrongSelectors);
}

/** A frame for a far return (two words) or IRET (five) on the stack, which is always there: processors read it in different orders. */
function farFrame(words: number): Preparation {
  return (builder, choice) => {
    const bytes = 2 << choice.size;
    const top = builder.windowAddress(48);
    setStackTop(builder, top);
    if (choice.bits !== 64) {
      builder.poke(top, numberOf(farTarget(builder, bytes, false)), bytes * 2);
      builder.poke(top + 2 * bytes, BigInt(builder.random.next() & ~0x40100), bytes);
      return;
    }
    // at most one word is wrong: processors check them in different orders
    const { random } = builder;
    const wrong = random.below(10);
    const rip = wrong === 0 ? builder.number() : builder.landing();
    const code = wrong === 1 || wrong === 2 ? random.pick(wrongSelectors) : MemoryMap.codeSelector;
    const stackPointer = wrong === 3 ? builder.number() : builder.windowAddress();
    const stack =
      wrong === 4
        ? random.pick([0, 3, MemoryMap.codeSelector, MemoryMap.stackSelector & ~3, 0x18, 0xfff3])
        : MemoryMap.stackSelector;
    [rip, code, random.next() & ~0x40100, stackPointer, stack]
      .slice(0, words)
      .forEach((value, i) => builder.poke(top + i * bytes, BigInt(value), bytes));
  };
}

/** A far pointer in memory. */
const farPointer: Preparation = (builder, choice) => {
  setStackTop(builder, builder.windowAddress());
  if (builder.target === undefined) return;
  if (choice.bits !== 64) {
    const bytes = 2 << choice.size;
    const isCall = choice.entry.row.semantics === 'CALL_FAR_MEMORY';
    builder.poke(builder.target, numberOf(farTarget(builder, bytes, isCall)), bytes + 2);
    return;
  }
  builder.poke(builder.target, BigInt(builder.landing()), 2 << choice.size);
  builder.poke(builder.target + (2 << choice.size), BigInt(codeSelector(builder)), 2);
};

/** Bytes as a number. */
function numberOf(bytes: readonly number[]): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** A selector for a data segment register: mostly one of the LDT. */
function dataSelector({ random }: CaseBuilder): number {
  const kind = random.below(10);
  if (kind < 6) return selectorOf(random.pick(localSegments));
  if (kind < 8) return random.pick([systemSelectors.data, systemSelectors.code32, systemSelectors.code64]);
  return random.pick([0, 3, 0x10, 0x18, 0xfff3, noLocalSelector]);
}

/** A selector in every place from which a segment register may be loaded: registers, the memory operand, the stack. */
const segmentLoad: Preparation = (builder, choice) => {
  for (let index = 0; index < 8; index++)
    if (index !== RSP && builder.random.chance(0.8))
      builder.set(index, (builder.registers[index]! & ~0xffffn) | BigInt(dataSelector(builder)));
  const { semantics } = choice.entry.row;
  const isPointer = /^L[DEFGS]S$/.test(semantics);
  if (builder.target !== undefined && choice.memory)
    builder.poke(builder.target + (isPointer ? 2 << choice.size : 0), BigInt(dataSelector(builder)), 2);
  if (!semantics.startsWith('POP')) return;
  const top = builder.windowAddress();
  setStackTop(builder, top);
  builder.poke(top, BigInt(dataSelector(builder)), 2);
};

/** A dividend whose quotient often fits. */
const division: Preparation = (builder, _choice, bytes) => {
  const { random } = builder;
  if (bytes === 1) builder.set(RAX, random.chance(0.7) ? random.below(0x100) : random.next());
  else if (random.chance(0.4)) builder.set(RDX, 0);
  else if (random.chance(0.5)) builder.set(RDX, BigInt.asIntN(bytes * 8, builder.registers[RAX]!) < 0n ? -1n : 0n);
  else builder.set(RDX, random.below(200) - 100);
};

/** Makes the accumulator equal to the destination half of the time. */
const compareExchange: Preparation = (builder, choice, bytes) => {
  if (!builder.random.chance(0.5)) return;
  if (choice.memory && builder.target !== undefined)
    builder.set(RAX, builder.peek(builder.target, bytes) ?? builder.number());
  else
    builder.registers.forEach((value, register) => {
      if (builder.random.chance(0.7) && register !== RSP) builder.set(register, value & 1n);
    });
};

const compareExchangeWide: Preparation = (builder, choice) => {
  const half = choice.size === 2 ? 8 : 4;
  if (builder.target === undefined || !builder.random.chance(0.6)) return;
  builder.set(RAX, builder.peek(builder.target, half) ?? 0n);
  builder.set(RDX, builder.peek(builder.target + half, half) ?? 0n);
};

/** A bit offset that stays near the operand. */
const bitString: Preparation = (builder) => {
  for (let register = 0; register < 16; register++) {
    if (builder.registers[register]! > 0xffffffffn && builder.random.chance(0.8))
      builder.set(register, builder.random.below(1024) - 512);
  }
};

/** A count that is near the sizes. A 16-bit SHLD or SHRD by more than 16 is undefined. */
const shiftByCl: Preparation = (builder, choice) => {
  if (choice.entry.operands.at(-1)?.text !== 'CL') return;
  const isDouble16 = choice.entry.operands.length === 3 && choice.size === 0;
  const count = isDouble16 ? builder.random.below(17) : builder.random.below(70);
  builder.set(RCX, (builder.registers[RCX]! & ~0xffn) | BigInt(count));
};

/** Clears bit 17 of a new MXCSR at an offset in the memory operand: it exists on AMD processors only. */
const newMxcsr =
  (offset: number): Preparation =>
  (builder) => {
    if (builder.target === undefined) return;
    const value = builder.peek(builder.target + offset, 4);
    if (value !== undefined)
      builder.poke(builder.target + offset, value & (builder.random.chance(0.8) ? 0xffffn : ~0x20000n), 4);
  };

const preparations: Readonly<Record<string, Preparation>> = {
  LDMXCSR: newMxcsr(0),
  FXRSTOR: newMxcsr(24),
  MOVS: stringOperation,
  CMPS: stringOperation,
  STOS: stringOperation,
  LODS: stringOperation,
  SCAS: stringOperation,
  XLAT: (builder, choice) =>
    builder.set(
      RBX,
      operandOffset(builder, builder.stringSegment) -
        (choice.bits !== 64 || choice.address === 2 ? builder.registers[RAX]! & 255n : 0n),
    ),
  PUSH: stackOperation,
  POP: stackOperation,
  CALL: stackOperation,
  RET: stackOperation,
  PUSHF: stackOperation,
  POPF: (builder) => {
    const top = builder.windowAddress();
    setStackTop(builder, top);
    builder.poke(top, BigInt(builder.random.next() & ~0x40100), 8); // TF would trap, AC would fault, in the helper's own code
  },
  PUSH_FS: stackOperation,
  PUSH_GS: stackOperation,
  IRET: farFrame(5),
  RET_FAR: farFrame(2),
  RET_FAR_IMM: farFrame(2),
  JMP_FAR_MEMORY: farPointer,
  CALL_FAR_MEMORY: farPointer,
  MOV_SEG: segmentLoad,
  LES: segmentLoad,
  LDS: segmentLoad,
  LSS: segmentLoad,
  LFS: segmentLoad,
  LGS: segmentLoad,
  POP_ES: segmentLoad,
  POP_SS: segmentLoad,
  POP_DS: segmentLoad,
  POP_FS: segmentLoad,
  POP_GS: segmentLoad,
  PUSHA: stackOperation,
  POPA: stackOperation,
  PUSH_ES: stackOperation,
  PUSH_CS: stackOperation,
  PUSH_SS: stackOperation,
  PUSH_DS: stackOperation,
  CALL_FAR: stackOperation,
  LEAVE: (builder) => builder.set(RBP, builder.space.offset('ss', builder.address())),
  ENTER: (builder) => {
    setStackTop(builder, BigInt(builder.windowAddress()) + (builder.random.chance(0.9) ? 0n : 0x1000n));
    builder.set(RBP, builder.space.offset('ss', builder.address()));
  },
  JMP_INDIRECT: indirectBranch,
  CALL_INDIRECT: indirectBranch,
  RET_RELEASE: stackOperation,
  DIV: division,
  IDIV: division,
  CMPXCHG: compareExchange,
  CMPXCHG8B: compareExchangeWide,
  BT_STRING: bitString,
  BTS_STRING: bitString,
  BTR_STRING: bitString,
  BTC_STRING: bitString,
  SHL: shiftByCl,
  SHR: shiftByCl,
  SAR: shiftByCl,
  ROL: shiftByCl,
  ROR: shiftByCl,
  RCL: shiftByCl,
  RCR: shiftByCl,
  SHLD: shiftByCl,
  SHRD: shiftByCl,
  LOOP: (builder) => builder.set(RCX, builder.random.below(3)),
  LOOPE: (builder) => builder.set(RCX, builder.random.below(3)),
  LOOPNE: (builder) => builder.set(RCX, builder.random.below(3)),
  JCXZ: (builder) => builder.set(RCX, builder.random.below(2)),
};

/**
 * Sets registers and memory that an instruction uses without saying so, so that it does something more often than it faults. Called after its
 * operands were encoded (builder.target is the memory operand).
 */
export function prepare(builder: CaseBuilder, choice: FormChoice): void {
  const preparation = preparations[choice.entry.row.semantics];
  // a register that is the base of the memory operand keeps its value, or the operand would move
  if (preparation) builder.keepingBases(() => preparation(builder, choice, operandBytes(choice)));
}
