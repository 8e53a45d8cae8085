// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/exit_information.js';
import { pushEnterWords } from './enter_words.js';
import type { HostQuirks } from './host_quirks.js';
import {
  addressOf,
  Outcome,
  register,
  setRegister,
  type CaseInstruction,
  type CaseResult,
  type InstructionCase,
} from '../cases/instruction_case.js';
import { initialData, MemoryMap } from '../cases/memory_map.js';
import { Flag, statusFlags } from '../cases/undefined_flags.js';
import { environmentBytes, isCompareToFlags } from '../cases/vector_state.js';

const { rbp: RBP, rcx: RCX, rsi: RSI, rsp: RSP } = registerNumbers;

const DEBUG = 1;
const GENERAL_PROTECTION = 13;
const PAGE_FAULT = 14;
const pagePresent = 1;
const pageBytes = 0x1000n;
/** The status word in an FXSAVE image, and its bits. */
const statusWord = 2;
const C1 = 0x200;
const stackFault = 0x40;
const gsPrefix = 0x65;
const operandSizePrefix = 0x66;
const addressSizePrefix = 0x67;
/** The prefixes that cases use. */
const prefixes = [gsPrefix, operandSizePrefix, addressSizePrefix, 0xf0, 0xf2, 0xf3];

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
    if (core.outcome !== Outcome.Exception) {
      yield this.completed(testCase, core);
      return;
    }
    if (core.vector === DEBUG) {
      yield this.int1(testCase, core);
      return;
    }
    const fault = faulting(testCase, core);
    const results = fault ? this.orders(testCase, core, fault) : [core];
    for (const result of results) yield* this.withErrorCode(result);
  }

  /** AMD processors keep C1 in FCOMI and its kin unless there is a stack fault. */
  private completed(testCase: InstructionCase, core: CaseResult): CaseResult {
    const keepsC1 = this.host.compareToFlagsC1 === 'kept' && isCompareToFlags(testCase.instructions.at(-1)!.semantics);
    if (!keepsC1 || !core.fx || !testCase.fx) return core;
    const status = core.fx[statusWord]! | (core.fx[statusWord + 1]! << 8);
    if (status & stackFault) return core;
    const fx = core.fx.slice();
    fx[statusWord + 1] = (fx[statusWord + 1]! & ~(C1 >> 8)) | (testCase.fx[statusWord + 1]! & (C1 >> 8));
    return { ...core, fx };
  }

  private int1(testCase: InstructionCase, core: CaseResult): CaseResult {
    const last = testCase.instructions.at(-1)!;
    if (this.host.int1Rip === 'next instruction' || last.semantics !== 'INT1') return core;
    return { ...core, rip: core.rip - BigInt(last.bytes.length) };
  }

  /** Results by which of several faults came first, and by what a fault leaves behind. */
  private *orders(testCase: InstructionCase, core: CaseResult, fault: Faulting): Generator<CaseResult> {
    const { semantics, form } = fault.instruction;
    if (semantics === 'CALL_INDIRECT') yield this.callFault(testCase, core, fault);
    else if (semantics === 'ENTER') yield this.enterFault(testCase, core, fault);
    else if (/^(CMPS|SCAS)<.*\([012],/.test(form)) {
      yield* this.compareFault(testCase, core, form);
      const other = semantics === 'CMPS' ? this.otherOperand(testCase, core, fault) : undefined;
      if (other) yield* this.compareFault(testCase, other, form);
    } else {
      yield core;
      if (core.vector === PAGE_FAULT) yield* laterBytes(core, environmentBytes(semantics, form));
    }
  }

  /** A near CALL whose stack faults first raises what PUSH with the same operand (FF /6 instead of FF /2) raises. */
  private callFault(testCase: InstructionCase, core: CaseResult, { instruction, index }: Faulting): CaseResult {
    if (this.host.callFault === 'target' || core.vector !== GENERAL_PROTECTION) return core;
    const bytes = [...instruction.bytes];
    const modrm = bytes.indexOf(0xff) + 1;
    bytes[modrm] = (bytes[modrm]! & ~0x38) | (6 << 3);
    const push = this.run({ ...alone(testCase, core, index), instructions: [{ ...instruction, bytes }] });
    return push.outcome === Outcome.Exception && push.rip === core.rip ? faultOf(core, push) : core;
  }

  private enterFault(testCase: InstructionCase, core: CaseResult, { instruction }: Faulting): CaseResult {
    if (this.host.enterFaultMemory === 'unchanged') return core;
    const data = this.data.slice();
    data.set(testCase.window, MemoryMap.window);
    const before = data.slice(0, MemoryMap.writableBytes);
    data.set(core.changed, core.changedOffset);
    pushEnterWords(data, {
      bytes: hasPrefix(instruction, operandSizePrefix) ? 2 : 8,
      level: instruction.bytes.at(-1)! & 31,
      rsp: register(core.registers, RSP),
      rbp: register(core.registers, RBP),
    });
    return { ...core, ...changesOf(before, data) };
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
    const isNarrow = hasPrefix(testCase.instructions[0]!, addressSizePrefix);
    const before = register(registers, RCX);
    setRegister(registers, RCX, isNarrow ? (before & ~0xffffffffn) | elements : elements);
    return this.run({ ...testCase, registers }).rflags;
  }

  /**
   * The fault of CMPS's second operand when both fault: the manual does not say which one is read first. Found by executing the element that
   * faults with a first operand that can be read.
   */
  private otherOperand(
    testCase: InstructionCase,
    core: CaseResult,
    { instruction, index }: Faulting,
  ): CaseResult | undefined {
    const second = alone(testCase, core, index);
    const base = hasPrefix(instruction, gsPrefix) ? MemoryMap.gsBase : 0;
    setRegister(second.registers, RSI, BigInt(MemoryMap.data + MemoryMap.window - base));
    setRegister(second.registers, RCX, 1n);
    const result = this.run(second);
    return result.outcome === Outcome.Exception && result.rip === core.rip ? faultOf(core, result) : undefined;
  }

  /** Linux does not tell user mode which pages of the kernel exist. */
  private *withErrorCode(result: CaseResult): Generator<CaseResult> {
    if (result.vector !== PAGE_FAULT || result.faultAddress >> 63n === 0n) {
      yield result;
      return;
    }
    if (this.host.kernelPagePresent === 'as the page is') yield result;
    yield { ...result, errorCode: result.errorCode | pagePresent };
  }
}

function hasPrefix({ bytes }: CaseInstruction, prefix: number): boolean {
  const opcode = bytes.findIndex((byte) => !prefixes.includes(byte));
  return bytes.slice(0, opcode).includes(prefix);
}

function faulting(testCase: InstructionCase, core: CaseResult): Faulting | undefined {
  const index = testCase.instructions.findIndex((_, i) => addressOf(testCase, i) === core.rip);
  return index < 0 ? undefined : { instruction: testCase.instructions[index]!, index };
}

/** A result with the exception of another one. */
function faultOf(result: CaseResult, { vector, errorCode, faultAddress }: CaseResult): CaseResult {
  return { ...result, vector, errorCode, faultAddress };
}

/** One instruction of a case, from the registers and flags after it faulted. */
function alone(testCase: InstructionCase, core: CaseResult, index: number): InstructionCase {
  return {
    ...testCase,
    instructions: [testCase.instructions[index]!],
    codeOffset: Number(addressOf(testCase, index)) - MemoryMap.code,
    registers: core.registers.slice(),
    rflags: 0x202 | (core.rflags & (statusFlags | Flag.DF)),
  };
}

/** How many elements of a repeated string instruction, which is the only one of its case, were done. */
function elementsDone(testCase: InstructionCase, core: CaseResult): bigint {
  const done = register(testCase.registers, RCX) - register(core.registers, RCX);
  return testCase.instructions.length === 1 ? BigInt.asUintN(64, done) : 0n;
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

/** What differs between two states of the data pages. */
function changesOf(before: Uint8Array, after: Uint8Array): { changedOffset: number; changed: Uint8Array } {
  let first = 0;
  let last = before.length - 1;
  while (first <= last && before[first] === after[first]) first++;
  while (last > first && before[last] === after[last]) last--;
  if (first > last) return { changedOffset: 0, changed: new Uint8Array(0) };
  return { changedOffset: first, changed: after.slice(first, last + 1) };
}
