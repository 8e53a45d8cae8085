// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../intrinsics/vmx/exit_information.js';

/** Which general-purpose register carries each VMCALL register; R13 to R15 exist in the structure only. */
export const vmcallRegisters = {
  r00: 'rax',
  r01: 'rdx',
  r02: 'rcx',
  r03: 'rbx',
  r04: 'rsi',
  r05: 'r8',
  r06: 'r9',
  r07: 'r10',
  r08: 'r11',
  r09: 'r12',
  r10: 'r13',
  r11: 'r14',
  r12: 'r15',
  r13: null,
  r14: null,
  r15: null,
} as const;

/** The registers of a VMCALL, in Bareflank's numbering: R00 opcode, R01 magic and result, R02 … R12 arguments and answers. */
export interface VmcallRegisters {
  r00: bigint;
  r01: bigint;
  r02: bigint;
  r03: bigint;
  r04: bigint;
  r05: bigint;
  r06: bigint;
  r07: bigint;
  r08: bigint;
  r09: bigint;
  r10: bigint;
  r11: bigint;
  r12: bigint;
}

const names = ['r00', 'r01', 'r02', 'r03', 'r04', 'r05', 'r06', 'r07', 'r08', 'r09', 'r10', 'r11', 'r12'] as const;
const places = names.map((name) => [name, registerNumbers[vmcallRegisters[name]]!] as const);

/** Takes the registers of a VMCALL from the general-purpose registers. */
export function loadVmcallRegisters(values: BigUint64Array): VmcallRegisters {
  return Object.fromEntries(places.map(([name, number]) => [name, values[number]!])) as unknown as VmcallRegisters;
}

/** Puts them back. */
export function storeVmcallRegisters(registers: VmcallRegisters, values: BigUint64Array): void {
  for (const [name, number] of places) values[number] = registers[name];
}
