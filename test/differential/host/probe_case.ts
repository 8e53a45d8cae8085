// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { setRegister, type InstructionCase } from '../cases/instruction_case.js';
import { MemoryMap } from '../cases/memory_map.js';

/** The middle of the data window, where the stack of a probe is. */
export const windowMiddle = MemoryMap.data + MemoryMap.window + MemoryMap.windowBytes / 2;

/**
 * A case of one instruction that is written by hand.
 * @param form name of the instruction's form, which begins with its semantics.
 * @param values of registers by number; the others are 0, and RSP is in the middle of the data window.
 */
export function probeCase(
  form: string,
  bytes: readonly number[],
  values: Readonly<Record<number, bigint | number>> = {},
  others: Partial<InstructionCase> = {},
): InstructionCase {
  const registers = new Uint32Array(32);
  setRegister(registers, registerNumbers.rsp, BigInt(windowMiddle));
  for (const [index, value] of Object.entries(values)) setRegister(registers, Number(index), BigInt(value));
  return {
    instructions: [{ form, semantics: /^\w+/.exec(form)![0], bytes, undefinedFlags: 0 }],
    codeOffset: MemoryMap.slotStart,
    registers,
    rflags: 0x202,
    window: new Uint8Array(MemoryMap.windowBytes),
    ...others,
  };
}
