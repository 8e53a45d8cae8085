// SPDX-License-Identifier: LGPL-2.1-only
import { vmInstructionErrorAdvice, vmInstructionErrorText } from '../../intrinsics/vmx/vm_instruction_errors.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Vmx } from '../../intrinsics/instructions/vmx.js';
import { VmxError } from '../errors.js';

/** The VM-instruction error field's information on the VMX instruction that just failed. */
export interface VmFailure {
  /** The error's number and text, or that there is no current VMCS to hold a number. */
  readonly reason: string;
  /** What to do about it; empty if the text says it. */
  readonly advice: string;
}

/** Reads why the last VMX instruction failed. SDM 3C "VM Instruction Error Numbers". */
export function readVmFailure(vmx: Pick<Vmx, 'vmread'>): VmFailure {
  const value = vmx.vmread(VmcsField.VmInstructionError);
  if (value === undefined) return { reason: 'no VMCS is current', advice: 'Make a VMCS current with VMPTRLD first.' };
  const number = Number(value);
  return {
    reason: `VM-instruction error ${number}, ${vmInstructionErrorText(number)}`,
    advice: vmInstructionErrorAdvice(number),
  };
}

/**
 * The error of a VMX instruction that reported VMfail.
 *
 * @param what the processor if it is known, the instruction and its operands.
 */
export function vmFailure(vmx: Pick<Vmx, 'vmread'>, what: string): VmxError {
  const { reason, advice } = readVmFailure(vmx);
  const message = `${what} failed: ${reason}. SDM 3C "VM Instruction Error Numbers".`;
  return new VmxError(advice === '' ? message : `${message} ${advice}`, {
    details: { where: what, found: reason, ...(advice === '' ? {} : { advice }) },
  });
}
