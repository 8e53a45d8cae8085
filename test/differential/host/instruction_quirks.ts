// SPDX-License-Identifier: LGPL-2.1-only
// Quirks of single instructions, applied to the core's result. The core does what Intel's processors do; the other values are made here.
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import {
  addressOf,
  Outcome,
  register,
  type CaseInstruction,
  type CaseResult,
  type InstructionCase,
} from '../cases/instruction_case.js';
import { isPrefix, operandSizePrefix } from '../cases/instruction_parts.js';
import { FxImage, storesX87 } from '../cases/vector_state.js';

const { rcx: RCX } = registerNumbers;

type Run = (testCase: InstructionCase) => CaseResult;

const X87_REGISTERS = 8;
const TOP_SHIFT = 11 - 8;
const TOP_MASK = 7;
const EXCEPTION_MASKS = 0x3f;

const MEMORY_FAULTS: readonly number[] = [12, 13, 14, 17];

/** True for a repeated string instruction with 32-bit addresses. */
export const isNarrowRepeat = (form: string): boolean => /^(MOVS|STOS|LODS|SCAS|CMPS)<u\d+,u32>\([12]/.test(form);

/** Elements that a repeated string instruction, which is the only one of its case, did. */
export function elementsDone(testCase: InstructionCase, core: CaseResult): bigint {
  if (testCase.instructions.length !== 1) return 0n;
  const done = register(testCase.registers, RCX) - register(core.registers, RCX);
  return BigInt.asUintN(isNarrowRepeat(testCase.instructions[0]!.form) ? 32 : 64, done);
}

/** `narrowRepeat` "kept": an instruction that did no element has left the upper halves of its registers. */
export function keepUpperHalves(testCase: InstructionCase, core: CaseResult): CaseResult {
  const [instruction] = testCase.instructions;
  if (testCase.instructions.length !== 1 || !isNarrowRepeat(instruction!.form)) return core;
  return elementsDone(testCase, core) === 0n ? { ...core, registers: testCase.registers.slice() } : core;
}

/** `dotProductNan` "one sum": the NaN of the lane that begins with the first product is that of all. */
export function addOnce(testCase: InstructionCase, core: CaseResult, run: Run): CaseResult {
  const last = testCase.instructions.at(-1)!;
  if (!/^DPP[SD]$/.test(last.semantics) || core.fx === undefined) return core;
  const choice = last.bytes.at(-1)!;
  const [laneBytes, firstLane] = last.semantics === 'DPPS' ? [4, 1] : [8, 0];
  const first = { ...last, bytes: [...last.bytes.slice(0, -1), choice | (1 << firstLane)] };
  const { fx } = run({ ...testCase, instructions: [...testCase.instructions.slice(0, -1), first] });
  const target = FxImage.xmm + FxImage.registerBytes * registerField(last);
  const sum = fx!.slice(target + firstLane * laneBytes, target + (firstLane + 1) * laneBytes);
  const result = Uint8Array.from(core.fx);
  for (let lane = 0; lane * laneBytes < FxImage.registerBytes; lane++)
    if ((choice >> lane) & 1) result.set(sum, target + lane * laneBytes);
  return { ...core, fx: result };
}

/** ModRM.reg with REX.R of an instruction of the map 0F 3A. */
function registerField({ bytes }: CaseInstruction): number {
  const opcode = bytes.findIndex((byte, i) => byte === 0x0f && bytes[i + 1] === 0x3a);
  const before = opcode > 0 ? bytes[opcode - 1]! : 0;
  const rexR = before >> 4 === 4 ? (before >> 2) & 1 : 0;
  return (rexR << 3) | ((bytes[opcode + 3]! >> 3) & 7);
}

/** `x87StoreFault` "memory": a store that an unmasked invalid operation ends faults by its memory first. */
export function faultByMemory(testCase: InstructionCase, core: CaseResult, run: Run): CaseResult {
  const last = testCase.instructions.at(-1)!;
  if (testCase.fx === undefined || testCase.instructions.length !== 1 || !storesX87(last.semantics)) return core;
  const fx = Uint8Array.from(testCase.fx);
  fx[FxImage.controlWord] = fx[FxImage.controlWord]! | EXCEPTION_MASKS;
  const masked = run({ ...testCase, fx });
  const isFault = masked.outcome === Outcome.Exception && MEMORY_FAULTS.includes(masked.vector);
  return isFault && masked.rip === addressOf(testCase, 0) ? { ...masked, fx: testCase.fx } : core;
}

/** `tenByteStore` "nothing stored": when one part of ten bytes faults, the other is not stored either. */
export function storeNothing(testCase: InstructionCase, core: CaseResult): CaseResult {
  const [{ semantics }] = testCase.instructions as [CaseInstruction];
  if (!/^(FSTP80|FBSTP)$/.test(semantics) || testCase.instructions.length !== 1) return core;
  const isFault = core.outcome === Outcome.Exception && MEMORY_FAULTS.includes(core.vector);
  return isFault ? { ...core, changedOffset: 0, changed: new Uint8Array(0) } : core;
}

/** `mmxStoreFault` "TOP cleared": a store of an MMX register that faults has made the stack of the x87 registers begin at 0; the tags are as before. */
export function clearTop({ semantics, bytes }: CaseInstruction, core: CaseResult): CaseResult {
  const isXmm = bytes.slice(0, bytes.indexOf(0x0f)).includes(operandSizePrefix);
  if (
    isXmm ||
    !/^MOV([DQ]Mstore|NTQ)$/.test(semantics) ||
    core.fx === undefined ||
    !MEMORY_FAULTS.includes(core.vector)
  )
    return core;
  const high = core.fx[FxImage.statusWord + 1]!;
  const top = (high >> TOP_SHIFT) & TOP_MASK;
  const fx = Uint8Array.from(core.fx);
  fx[FxImage.statusWord + 1] = high & ~(TOP_MASK << TOP_SHIFT);
  for (let i = 0; i < X87_REGISTERS; i++) {
    const from = FxImage.x87 + FxImage.registerBytes * ((i - top) & TOP_MASK);
    fx.set(core.fx.subarray(from, from + FxImage.registerBytes), FxImage.x87 + FxImage.registerBytes * i);
  }
  return { ...core, fx };
}

/** Where the opcode of an instruction begins. */
export const opcodeAt = ({ bytes }: CaseInstruction): number => bytes.findIndex((byte) => !isPrefix(byte));
