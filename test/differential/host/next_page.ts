// SPDX-License-Identifier: LGPL-2.1-only
// Large operands that lie in two pages of which neither is there: processors may name any byte of either.
import { bitsOf, type CaseInstruction, type CaseResult, type InstructionCase } from '../cases/instruction_case.js';
import { MemoryMap } from '../cases/memory_map.js';
import { opcodeAt } from './instruction_quirks.js';

export const pageBytes = 0x1000n;
/** By how much an offset of 16 bits wraps. */
const WRAP = 0x10000n;
const addressSizePrefix = 0x67;

/** The page fault at each later byte that is in the next page, when that page is not there either. Offsets of 16 bits may wrap there. */
export function* nextPage(core: CaseResult, bytes: number, isNarrow: boolean): Generator<CaseResult> {
  const next = (core.faultAddress / pageBytes + 1n) * pageBytes;
  const end = core.faultAddress + BigInt(bytes);
  for (const wrapped of isNarrow ? [0n, WRAP] : [0n]) {
    if (isMapped(Number(next - wrapped))) continue;
    for (let at = next; at < end; at++) yield { ...core, faultAddress: at - wrapped };
  }
}

/** Whether the memory operand of an instruction has an address of 16 bits. */
export function hasNarrowAddress(testCase: InstructionCase, instruction: CaseInstruction): boolean {
  const bits = bitsOf(testCase);
  return bits !== 64 && (bits === 16) !== hasAddressSizePrefix(instruction);
}

/** Whether a case may read at a linear address. */
function isMapped(address: number): boolean {
  const { code, codeBytes, data, dataBytes } = MemoryMap;
  return (address >= code && address < code + codeBytes) || (address >= data && address < data + dataBytes);
}

/** Whether an instruction has a prefix for the other size of addresses. */
export function hasAddressSizePrefix(instruction: CaseInstruction): boolean {
  return instruction.bytes.slice(0, opcodeAt(instruction)).includes(addressSizePrefix);
}
