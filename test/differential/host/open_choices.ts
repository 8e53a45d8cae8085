// SPDX-License-Identifier: LGPL-2.1-only
// What the SDM leaves to the processor, or does not say, of instructions outside 64-bit code, and of masked stores: other results than the core’s.
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import {
  Outcome,
  register,
  setRegister,
  type CaseInstruction,
  type CaseResult,
  type InstructionCase,
} from '../cases/instruction_case.js';
import { localSegment } from '../cases/local_segments.js';
import { operandSizePrefix } from '../cases/instruction_parts.js';
import { opcodeAt } from './instruction_quirks.js';

const { rdi: RDI, rsp: RSP } = registerNumbers;
const DEBUG = 1;
const HALF_BYTES = 8;
const PUSH_IMMEDIATE = 0x68;
const BOUND_RANGE = 5;
const POP_EAX = 0x58;

type Run = (testCase: InstructionCase) => CaseResult;

/** A result with the exception of another one. */
export function faultOf(result: CaseResult, { vector, errorCode, faultAddress }: CaseResult): CaseResult {
  return { ...result, vector, errorCode, faultAddress };
}

const isFault = ({ outcome, vector }: CaseResult): boolean => outcome === Outcome.Exception && vector !== DEBUG;

/**
 * PUSH and POP of a segment register with an operand of 32 bits, alone in their case: a processor moves 16 bits, as the core does, or all of
 * them. SDM 2B "PUSH—Push Word, Doubleword, or Quadword Onto the Stack"; of POP the SDM says nothing.
 */
export function* wholeSegmentWord(testCase: InstructionCase, core: CaseResult, run: Run): Generator<CaseResult> {
  const [instruction] = testCase.instructions;
  const { segments } = testCase;
  const found = /^(PUSH|POP)_([C-S]S|FS|GS)<u32/.exec(instruction!.form);
  if (!found || !segments) return;
  const prefixes = instruction!.bytes.slice(0, opcodeAt(instruction!));
  const instead = (bytes: readonly number[]): CaseResult =>
    run({ ...testCase, instructions: [{ ...instruction!, bytes: [...prefixes, ...bytes] }] });
  if (found[1] === 'POP') {
    const popped = instead([POP_EAX]);
    if (isFault(popped)) yield popped;
    return;
  }
  const selector = segments[found[2]!.toLowerCase() as keyof typeof segments] ?? 0;
  const pushed = instead([PUSH_IMMEDIATE, selector & 0xff, selector >> 8, 0, 0]);
  yield isFault(pushed) ? pushed : { ...pushed, rip: core.rip };
}

/**
 * A far RET with an operand of 32 bits, alone in its case: a processor reads the selector's 16 bits, as the core does, or all 32. SDM 2B "RET—Return
 * From Procedure", "Operation".
 */
export function* wholeReturnSelector(testCase: InstructionCase, core: CaseResult, run: Run): Generator<CaseResult> {
  const [instruction] = testCase.instructions;
  if (testCase.instructions.length !== 1 || !testCase.segments || !/^RET_FAR.*<u32>/.test(instruction!.form)) return;
  const registers = testCase.registers.slice();
  const isWide = localSegment(testCase.segments.ss).wide;
  const [pointer, mask] = [register(registers, RSP), isWide ? 0xffffffffn : 0xffffn];
  setRegister(registers, RSP, (pointer & ~mask) | ((pointer + 4n) & mask));
  const prefixes = instruction!.bytes.slice(0, opcodeAt(instruction!));
  const popped = run({ ...testCase, registers, instructions: [{ ...instruction!, bytes: [...prefixes, POP_EAX] }] });
  if (isFault(popped) && core.vector !== popped.vector) yield { ...popped, registers: testCase.registers };
}

/**
 * BOUND: a processor raises #BR by the lower bound before it reads the upper one, as the core does, or reads both first. SDM 2A "BOUND—Check Array
 * Index Against Bounds" says nothing of it.
 */
export function* wholeBounds(testCase: InstructionCase, core: CaseResult, run: Run): Generator<CaseResult> {
  const index = testCase.instructions.length - 1;
  const instruction = testCase.instructions[index]!;
  if (index > 0 || instruction.semantics !== 'BOUND' || core.vector !== BOUND_RANGE) return;
  const opcode = opcodeAt(instruction);
  const prefixes = instruction.bytes.slice(0, opcode).filter((byte) => byte !== operandSizePrefix);
  // MOVD or MOVQ to an MMX register reads as many bytes as both bounds have
  const load = [0x0f, instruction.form.includes('<u16') ? 0x6e : 0x6f];
  const bytes = [...prefixes, ...load, ...instruction.bytes.slice(opcode + 1)];
  const loaded = run({ ...testCase, instructions: [{ ...instruction, bytes }] });
  if (isFault(loaded)) yield faultOf(core, loaded);
}

/**
 * MASKMOVDQU faults at its operand, as the core does, or at the operand's upper half. SDM 2A "MASKMOVDQU—Store Selected Bytes of Double
 * Quadword": exceptions of bytes that are not stored are the processor's choice.
 * @param alone the instruction in the state in which it faulted.
 */
export function* upperHalf(alone: InstructionCase, core: CaseResult, run: Run): Generator<CaseResult> {
  const [instruction] = alone.instructions;
  const width = /<u(\d+)>/.exec(instruction!.form)![1]!;
  // MOVQ [rDI], XMM0 with the same prefixes
  const prefixes = instruction!.bytes.slice(0, opcodeAt(instruction!));
  const bytes = [...prefixes, 0x0f, 0xd6, width === '16' ? 0x05 : 0x07];
  const registers = alone.registers.slice();
  setRegister(registers, RDI, register(registers, RDI) + BigInt(HALF_BYTES));
  const stored = run({ ...alone, registers, instructions: [{ ...instruction!, bytes }] });
  if (isFault(stored)) yield faultOf(core, stored);
}

/** PUSH with the operand size of a near CALL, of its operand (FF /2: FF /6) or of 0 (E8: 6A 00). */
export function pushInstead(instruction: CaseInstruction): number[] {
  const { bytes, semantics } = instruction;
  const opcode = opcodeAt(instruction);
  if (semantics !== 'CALL_INDIRECT') return [...bytes.slice(0, opcode), 0x6a, 0];
  const modrm = bytes.indexOf(0xff) + 1;
  return bytes.map((byte, i) => (i === modrm ? (byte & ~0x38) | (6 << 3) : byte));
}
