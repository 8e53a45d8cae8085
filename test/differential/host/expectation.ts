// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { hasOuterFrame, usesStackWords, useStackWords } from './stack_words.js';
import {
  addOnce,
  clearTop,
  elementsDone,
  faultByMemory,
  storeNothing,
  keepUpperHalves,
  opcodeAt,
} from './instruction_quirks.js';
import { faultOf, pushInstead, upperHalf, wholeBounds, wholeReturnSelector, wholeSegmentWord } from './open_choices.js';
import type { HostQuirks } from './host_quirks.js';
import { hasAddressSizePrefix, hasNarrowAddress, nextPage, pageBytes } from './next_page.js';
import {
  addressOf,
  offsetInCode,
  Outcome,
  register,
  setRegister,
  type CaseInstruction,
  type CaseResult,
  type InstructionCase,
} from '../cases/instruction_case.js';
import { localSegment } from '../cases/local_segments.js';
import { initialData, MemoryMap } from '../cases/memory_map.js';
import { Flag, statusFlags } from '../cases/undefined_flags.js';
import { environmentBytes, FxImage, isCompareToFlags } from '../cases/vector_state.js';

const { rcx: RCX } = registerNumbers;

const DEBUG = 1;
const GENERAL_PROTECTION = 13;
const PAGE_FAULT = 14;
const STACK_FAULT = 12;
const ALIGNMENT_CHECK = 17;
/** Instructions with an unaligned operand that processors check or not. */
const mayCheckAlignment = /^(MOVU|MOVUstore|LDDQU|PCMP[EI]STR[IM]|MASKMOVDQU|CLFLUSH)$/;
const MAX_LIMIT = 0xffffffff;
const MOST_OPERAND_BYTES = 512;
const pagePresent = 1;
/** Linux's TASK_SIZE_MAX: arch/x86/include/asm/page_64_types.h. */
const LAST_PAGE_OF_LOWER_HALF = 2n ** 47n - pageBytes;
/** Bits of the status word in an FXSAVE image. */
const { statusWord } = FxImage;
const C1 = 0x200;
const stackFault = 0x40;
/** Opcodes of the byte forms; those of the wide forms follow them. */
const CMPS = 0xa6;
const SCAS = 0xae;

/** The instruction of a case at which RIP points after an exception. */
interface Faulting {
  readonly instruction: CaseInstruction;
  readonly index: number;
}

/**
 * What a host shows after a case, given what the core does. The core follows the SDM; the host's quirks are applied to its result. Where the SDM
 * leaves the order of faults open there are several results, and each of them is exact.
 */
export class Expectation {
  private readonly data: Uint8Array;

  /**
   * @param host what this host shows.
   * @param run runs another case on the core.
   * @param seed of the data pages.
   */
  constructor(
    private readonly host: HostQuirks,
    private readonly run: (testCase: InstructionCase) => CaseResult,
    seed: number,
  ) {
    this.data = initialData(seed);
  }

  /** Every result that a host with these quirks may show. The first is that of a host whose faults come in the core's order. */
  *of(testCase: InstructionCase, core: CaseResult): Generator<CaseResult> {
    for (const result of this.withoutAlignment(testCase, core)) {
      yield result;
      if (testCase.rflags & Flag.AC) yield* this.alignmentFaults(testCase, result);
    }
    yield* wholeSegmentWord(testCase, core, this.run);
    yield* wholeBounds(testCase, core, this.run);
    yield* wholeReturnSelector(testCase, core, this.run);
  }

  private *withoutAlignment(testCase: InstructionCase, result: CaseResult): Generator<CaseResult> {
    const core = this.changed(testCase, result);
    if (core.outcome !== Outcome.Exception) {
      yield this.completed(testCase, core);
      return;
    }
    if (core.vector === DEBUG) {
      yield* this.trapped(testCase, this.completed(testCase, core));
      return;
    }
    const fault = faulting(testCase, core);
    const results = fault ? this.orders(testCase, core, fault) : [core];
    for (const result of results) {
      yield* this.withErrorCode(result);
      yield* limitFaults(testCase, result);
    }
  }

  /**
   * #AC and the other faults of an access come in any order (SDM 3A "Priority Among Concurrent Events"), and some unaligned operands of 16 bytes
   * raise #AC or not (SDM 2B "MOVUPS—Move Unaligned Packed Single-Precision Floating-Point Values").
   */
  private *alignmentFaults(testCase: InstructionCase, core: CaseResult): Generator<CaseResult> {
    const isCompleted = core.outcome !== Outcome.Exception || core.vector === DEBUG;
    if (isCompleted && mayCheckAlignment.test(testCase.instructions[0]!.semantics)) yield notStarted(testCase, core);
    else if (core.vector === ALIGNMENT_CHECK) {
      const unchecked = { ...testCase, rflags: testCase.rflags & ~Flag.AC };
      for (const other of this.withoutAlignment(unchecked, this.run(unchecked)))
        if (other.outcome === Outcome.Exception && other.rip === core.rip) yield faultOf(core, other);
    } else if ([STACK_FAULT, GENERAL_PROTECTION, PAGE_FAULT].includes(core.vector))
      yield { ...core, vector: ALIGNMENT_CHECK, errorCode: 0, faultAddress: 0n };
  }

  /** The core's result with what other hosts do with the registers of narrow string instructions, and with stores that are refused. */
  private changed(testCase: InstructionCase, core: CaseResult): CaseResult {
    const { narrowRepeat, tenByteStore, x87StoreFault } = this.host;
    const kept = narrowRepeat === 'upper halves kept' ? keepUpperHalves(testCase, core) : core;
    const stored = x87StoreFault === 'memory' ? faultByMemory(testCase, kept, this.run) : kept;
    return tenByteStore === 'nothing stored' ? storeNothing(testCase, stored) : stored;
  }

  /** AMD processors keep C1 in FCOMI and its kin unless there is a stack fault, and add once for all lanes of a dot product. */
  private completed(testCase: InstructionCase, result: CaseResult): CaseResult {
    const core = this.host.dotProductNan === 'one sum' ? addOnce(testCase, result, this.run) : result;
    const keepsC1 = this.host.compareToFlagsC1 === 'kept' && isCompareToFlags(testCase.instructions.at(-1)!.semantics);
    if (!keepsC1 || !core.fx || !testCase.fx) return core;
    const status = core.fx[statusWord]! | (core.fx[statusWord + 1]! << 8);
    if (status & stackFault) return core;
    const fx = core.fx.slice();
    fx[statusWord + 1] = (fx[statusWord + 1]! & ~(C1 >> 8)) | (testCase.fx[statusWord + 1]! & (C1 >> 8));
    return { ...core, fx };
  }

  /** INT1, or a single-step trap: after the whole instruction, or after an element of a repeated one. */
  private *trapped(testCase: InstructionCase, core: CaseResult): Generator<CaseResult> {
    const last = testCase.instructions.at(-1)!;
    if (last.semantics === 'INT1' && this.host.int1Rip === 'own instruction')
      yield { ...core, rip: core.rip - BigInt(last.bytes.length) };
    else yield core;
    // the manual says which flags a fault leaves of a repeated comparison, and nothing of a trap
    const done = elementsDone(testCase, core);
    if (/^(CMPS|SCAS)<.*\([12],/.test(last.form) && done > 0n && core.rip === addressOf(testCase, 0))
      yield { ...core, rflags: this.flagsAfter(testCase, done) };
  }

  /** Results by which of several faults came first, and by what a fault leaves behind. */
  private *orders(testCase: InstructionCase, core: CaseResult, fault: Faulting): Generator<CaseResult> {
    const { semantics, form } = fault.instruction;
    if (semantics === 'CALL_INDIRECT' || semantics === 'CALL') yield* this.callFault(testCase, core, fault);
    else if (usesStackWords(semantics)) yield* this.inMiddle(testCase, core, fault);
    else if (/^(CMPS|SCAS)<.*\([012],/.test(form)) {
      yield* this.compareFault(testCase, core, form);
      const other = semantics === 'CMPS' ? this.otherOperand(testCase, core, fault) : undefined;
      if (other) yield* this.compareFault(testCase, other, form);
    } else {
      yield this.host.mmxStoreFault === 'TOP cleared' ? clearTop(fault.instruction, core) : core;
      if (semantics === 'MASKMOVDQU') yield* upperHalf(alone(testCase, core, fault.index), core, this.run);
      yield* this.laterParts(testCase, core, fault);
      // a far return may look for the frame of an outer level before it looks at the selector
      if (
        semantics.startsWith('RET_FAR') &&
        core.vector === GENERAL_PROTECTION &&
        !hasOuterFrame(testCase, core.registers, fault.index)
      )
        yield { ...core, vector: STACK_FAULT, errorCode: 0 };
    }
  }

  /** Faults of an operand of many bytes, which processors read in parts and in any order. */
  private *laterParts(testCase: InstructionCase, core: CaseResult, fault: Faulting): Generator<CaseResult> {
    const { instruction, index } = fault;
    const bytes = environmentBytes(instruction.semantics, instruction.form);
    if (bytes === 0) return;
    if (this.host.faultInMiddle !== 'state of before' && testCase.segments) yield withoutX87(core);
    if (core.vector === PAGE_FAULT) yield* laterBytes(core, bytes);
    if (core.vector === PAGE_FAULT) yield* nextPage(core, bytes, hasNarrowAddress(testCase, instruction));
    if (!testCase.segments || core.vector === PAGE_FAULT) return;
    const first = this.run({ ...alone(testCase, core, index), instructions: [moveInstead(instruction)] });
    if (first.outcome === Outcome.Exception && first.rip === core.rip) yield faultOf(core, first);
  }

  /**
   * A near CALL whose stack faults first raises what PUSH raises. SDM 2A "CALL—Call Procedure", "Operation", checks the target before the push;
   * Intel's processors may leave the return address below the stack pointer all the same.
   */
  private *callFault(
    testCase: InstructionCase,
    core: CaseResult,
    { instruction, index }: Faulting,
  ): Generator<CaseResult> {
    const isTarget = core.vector === GENERAL_PROTECTION;
    const bytes = pushInstead(instruction);
    const push = isTarget && this.run({ ...alone(testCase, core, index), instructions: [{ ...instruction, bytes }] });
    const isStackFault = push && push.outcome === Outcome.Exception && push.rip === core.rip;
    yield isStackFault && this.host.callFault === 'stack' ? faultOf(core, push) : core;
    if (isTarget && !isStackFault && this.host.vendor !== 'AMD')
      yield this.withStackWords(testCase, core, index).result;
  }

  /** A fault after an instruction has used words of the stack, and the bytes of a word. */
  private withStackWords(
    testCase: InstructionCase,
    core: CaseResult,
    index: number,
  ): { result: CaseResult; step: number } {
    const data = this.data.slice();
    data.set(testCase.window, MemoryMap.window);
    const before = data.slice(0, MemoryMap.writableBytes);
    data.set(core.changed, core.changedOffset);
    const registers = core.registers.slice();
    const step = useStackWords(data, registers, testCase, index);
    return { result: { ...core, registers, ...changesOf(before, data) }, step };
  }

  /** Stack words, and registers, that an instruction had written or read when it faulted. */
  private *inMiddle(testCase: InstructionCase, core: CaseResult, fault: Faulting): Generator<CaseResult> {
    const { semantics } = fault.instruction;
    const isFarCall = semantics.startsWith('CALL');
    // a far CALL faults by its selector before it pushes, and by its offset after
    if (this.host.faultInMiddle === 'state of before' || isFarCall) yield core;
    const result = isFarCall ? this.farCallFault(testCase, core, fault) : core;
    if (this.host.faultInMiddle === 'state of before') return;
    const { result: partial, step } = this.withStackWords(testCase, result, fault.index);
    yield partial;
    // POPA may read the word of ESP, which it does not use and which may be the one that crosses into the page
    if (semantics === 'POPA' && core.vector === PAGE_FAULT) {
      const word = core.faultAddress - BigInt(step);
      const page = core.faultAddress - (core.faultAddress % pageBytes);
      yield { ...partial, faultAddress: word > page ? word : page };
    }
  }

  /** A far CALL whose stack faults before its target. */
  private farCallFault(testCase: InstructionCase, core: CaseResult, { instruction, index }: Faulting): CaseResult {
    if (this.host.callFault === 'target' || core.vector !== GENERAL_PROTECTION) return core;
    const push = { ...instruction, bytes: pushInstead(instruction) };
    const result = this.run({ ...alone(testCase, core, index), instructions: [push, push] });
    return result.outcome === Outcome.Exception ? faultOf(core, result) : core;
  }

  /** A fault of CMPS or SCAS after some elements. */
  private *compareFault(testCase: InstructionCase, core: CaseResult, form: string): Generator<CaseResult> {
    const isGeneralProtection = this.host.repeatedCompareFault === 'general protection with the state of the beginning';
    if (isGeneralProtection && core.vector === PAGE_FAULT && form.includes('(2,')) {
      const { registers, rflags } = testCase;
      yield { ...core, vector: GENERAL_PROTECTION, errorCode: 0, faultAddress: 0n, registers, rflags };
    }
    const done = elementsDone(testCase, core);
    if (this.host.repeatedCompareFlags === 'of the beginning' || done === 0n) yield core;
    else yield { ...core, rflags: this.flagsAfter(testCase, done) };
  }

  /** RFLAGS after so many elements of a repeated instruction. */
  private flagsAfter(testCase: InstructionCase, elements: bigint): number {
    const registers = testCase.registers.slice();
    const isNarrow = hasAddressSizePrefix(testCase.instructions[0]!);
    const before = register(registers, RCX);
    setRegister(registers, RCX, isNarrow ? (before & ~0xffffffffn) | elements : elements);
    const after = this.run({ ...testCase, registers, rflags: testCase.rflags & ~Flag.TF });
    return after.rflags | (testCase.rflags & Flag.TF);
  }

  /**
   * The fault of CMPS's second operand when both fault: the manual does not say which one is read first. SCAS reads the second operand alone.
   */
  private otherOperand(
    testCase: InstructionCase,
    core: CaseResult,
    { instruction, index }: Faulting,
  ): CaseResult | undefined {
    const bytes = instruction.bytes.map((byte, i, all) => (i === all.length - 1 ? byte + SCAS - CMPS : byte));
    const second = { ...alone(testCase, core, index), instructions: [{ ...instruction, bytes }] };
    setRegister(second.registers, RCX, 1n);
    const result = this.run(second);
    return result.outcome === Outcome.Exception && result.rip === core.rip ? faultOf(core, result) : undefined;
  }

  /**
   * Linux does not tell user mode which pages of the kernel exist. The last page of the lower half is the kernel's where linear addresses have 48 bits,
   * and the user's where they have 57.
   */
  private *withErrorCode(result: CaseResult): Generator<CaseResult> {
    if (result.vector !== PAGE_FAULT || result.faultAddress < LAST_PAGE_OF_LOWER_HALF) {
      yield result;
      return;
    }
    const isLower = result.faultAddress >> 63n === 0n;
    if (isLower || this.host.kernelPagePresent === 'as the page is') yield result;
    yield { ...result, errorCode: result.errorCode | pagePresent };
  }
}

/** A read of four bytes in place of an instruction with a memory operand. */
function moveInstead(instruction: CaseInstruction): CaseInstruction {
  const { bytes } = instruction;
  const opcode = opcodeAt(instruction);
  const modrm = bytes[opcode] === 0x0f ? opcode + 2 : opcode + 1;
  return { ...instruction, bytes: [...bytes.slice(0, opcode), 0x8b, ...bytes.slice(modrm)] };
}

function faulting(testCase: InstructionCase, core: CaseResult): Faulting | undefined {
  const index = testCase.instructions.findIndex((_, i) => addressOf(testCase, i) === core.rip);
  return index < 0 ? undefined : { instruction: testCase.instructions[index]!, index };
}

/** #AC of a case that has one instruction. */
function notStarted(testCase: InstructionCase, core: CaseResult): CaseResult {
  const { registers, rflags, fx } = testCase;
  return {
    ...core,
    outcome: Outcome.Exception,
    vector: ALIGNMENT_CHECK,
    errorCode: 0,
    faultAddress: 0n,
    registers,
    rflags,
    rip: addressOf(testCase, 0),
    changedOffset: 0,
    changed: new Uint8Array(0),
    ...(fx ? { fx } : {}),
  };
}

/** One instruction of a case, from the registers and flags after it faulted. */
function alone(testCase: InstructionCase, core: CaseResult, index: number): InstructionCase {
  return {
    ...testCase,
    instructions: [testCase.instructions[index]!],
    codeOffset: offsetInCode(testCase, index),
    registers: core.registers.slice(),
    rflags: 0x202 | (core.rflags & (statusFlags | Flag.DF)),
  };
}

/** The same page fault at each later byte of an operand of many bytes, in the page that faults: processors read it in parts, in any order. */
function* laterBytes(core: CaseResult, bytes: number): Generator<CaseResult> {
  const page = core.faultAddress / pageBytes;
  for (let i = 1n; i < BigInt(bytes); i++) {
    const faultAddress = core.faultAddress + i;
    if (faultAddress / pageBytes !== page) return;
    yield { ...core, faultAddress };
  }
}

/**
 * For an operand across the end of a flat segment the SDM leaves open whether its limit is exceeded (SDM 3A "Limit Checking"): the core pages
 * instead.
 */
function* limitFaults({ segments }: InstructionCase, core: CaseResult): Generator<CaseResult> {
  const used = Object.values(segments ?? {}).filter((selector: number) => selector !== 0);
  const isAtEnd = used.some((selector: number) => {
    const { base, limit } = localSegment(selector);
    const offset = (Number(core.faultAddress) - base) >>> 0;
    return limit === MAX_LIMIT && offset > MAX_LIMIT - MOST_OPERAND_BYTES;
  });
  if (core.vector !== PAGE_FAULT || !isAtEnd) return;
  for (const vector of [GENERAL_PROTECTION, STACK_FAULT]) yield { ...core, vector, errorCode: 0, faultAddress: 0n };
}

/** An exception after which the x87 state is not known: AMD processors keep the status and the tags that they had loaded. */
function withoutX87(core: CaseResult): CaseResult {
  const { fx: _, ...rest } = core;
  return rest;
}

/** What differs between two states of the data pages. */
function changesOf(before: Uint8Array, after: Uint8Array): { changedOffset: number; changed: Uint8Array } {
  let first = 0;
  let last = before.length - 1;
  while (first <= last && before[first] === after[first]) first++;
  while (last > first && before[last] === after[last]) last--;
  if (first > last) return { changedOffset: 0, changed: new Uint8Array(0) };
  return { changedOffset: first, changed: after.slice(first, last + 1) };
}
