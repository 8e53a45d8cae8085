// SPDX-License-Identifier: LGPL-2.1-only
import { enabledBits } from './dump_word.js';
import { exitQualificationFields } from '../vmx/exit_information.js';
import { ExitReason } from '../vmx/exit_reasons.js';

/** The prefix of a qualification's fields if it is not the exit reason's own name. */
const prefixes: Readonly<Partial<Record<number, string>>> = {
  [ExitReason.ExceptionOrNonMaskableInterrupt]: 'debug_exception',
  [ExitReason.Sipi]: 'sipi',
  [ExitReason.TaskSwitch]: 'task_switch',
  [ExitReason.ControlRegisterAccesses]: 'control_register_access',
  [ExitReason.MovDr]: 'mov_dr',
  [ExitReason.IoInstruction]: 'io_instruction',
  [ExitReason.ApicAccess]: 'linear_apic_access',
  [ExitReason.VirtualizedEoi]: 'eoi_virtualization',
  [ExitReason.EptViolation]: 'ept_violation',
  [ExitReason.ApicWrite]: 'apic_write',
};

/**
 * What an exit qualification says, by the names of its bits: `data_write`, `port_number = 0x3F8`. Empty if the qualification is one value or
 * nothing. SDM 3C "Basic VM-Exit Information".
 */
export function qualificationText(reason: number, qualification: bigint): string[] {
  const prefix = prefixes[reason];
  if (prefix === undefined) return [];
  const fields = exitQualificationFields
    .filter(({ name }) => name.startsWith(`${prefix}.`) && !name.endsWith('.reserved'))
    .map((field) => ({ ...field, name: field.name.slice(prefix.length + 1) }));
  return enabledBits(fields, qualification);
}
