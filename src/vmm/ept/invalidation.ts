// SPDX-License-Identifier: LGPL-2.1-only
import { InveptType, InvvpidType } from '../../intrinsics/constants.js';
import { vmInstructionErrorText } from '../../intrinsics/vm_instruction_errors.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import type { Vmx } from '../../intrinsics/vmx.js';
import { VmxError } from '../errors.js';
import { hex } from '../support/text.js';

/** INVEPT. @throws VmxError if it fails: translations that should be gone are still there. */
export function invept(vmx: Vmx, type: number, eptPointer: bigint): void {
  if (!vmx.invept(type, eptPointer)) throw failure(vmx, `INVEPT ${nameOf(InveptType, type)}, EPTP ${hex(eptPointer)}`);
}

/** INVVPID. @throws VmxError if it fails: translations that should be gone are still there. */
export function invvpid(vmx: Vmx, type: number, vpid: number, address = 0n): void {
  if (vmx.invvpid(type, vpid, address)) return;
  throw failure(vmx, `INVVPID ${nameOf(InvvpidType, type)}, VPID ${hex(vpid)}, address ${hex(address)}`);
}

function nameOf(types: Readonly<Record<string, number>>, type: number): string {
  const name = Object.keys(types).find((each) => types[each] === type);
  return `of type ${type} (${name ?? 'unknown'})`;
}

function failure(vmx: Vmx, what: string): VmxError {
  const number = vmx.vmread(VmcsField.VmInstructionError);
  const reason =
    number === undefined
      ? 'no VMCS is current'
      : `VM-instruction error ${number}, ${vmInstructionErrorText(Number(number))}`;
  return new VmxError(
    `${what} failed: ${reason}. IA32_VMX_EPT_VPID_CAP says which types the processor has. SDM 3C "VM Instruction Error Numbers"`,
  );
}
