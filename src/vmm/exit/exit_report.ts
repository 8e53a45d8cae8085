// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../intrinsics/vmx/exit_information.js';
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { StateSave } from '../state_save/state_save.js';
import { hex } from '../support/text.js';
import type { Exit } from './exit.js';

const line = '-'.repeat(60);

function rows(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([name, value]) => `${name.padEnd(28)}${value}`).join('\n');
}

/** All that the processor says about an exit, under a title. */
export function exitReport(exit: Exit, title: string): string {
  const pairs: [string, string][] = [
    ['exit reason', hex(exit.wholeReason >>> 0, 8)],
    ['exit reason name', exitReasonName(exit.reason)],
    ['exit qualification', hex(exit.qualification)],
    ['interruption information', hex(exit.interruptionInformation >>> 0, 8)],
    ['instruction length', String(exit.instructionLength)],
    ['instruction information', hex(exit.instructionInformation >>> 0, 8)],
    ['guest rip', hex(exit.vmcs.read(VmcsField.GuestRip))],
    ['guest linear address', hex(exit.guestLinearAddress)],
    ['guest physical address', hex(exit.guestPhysicalAddress)],
  ];
  return `${line}\n${title}\n${line}\n${rows(pairs)}`;
}

/** "Guest register state". */
export function registerReport(exit: Exit, stateSave: StateSave): string {
  const general = Object.entries(registerNumbers)
    .filter(([name]) => name !== 'rsp')
    .map(([name, number]) => [name, hex(stateSave.registers.values[number]!, 16)] as const);
  const vmcs: [string, number][] = [
    ['rip', VmcsField.GuestRip],
    ['rsp', VmcsField.GuestRsp],
  ];
  const special = vmcs.map(([name, field]) => [name, hex(exit.vmcs.read(field), 16)] as const);
  return `${line}\nGuest register state\n${line}\n${rows([...general, ...special])}`;
}
