// SPDX-License-Identifier: LGPL-2.1-only
import type { ControlRegisters } from '../../intrinsics/control_registers.js';
import { InterruptionBit, InterruptionType, Vector } from '../../intrinsics/exit_information.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import type { Exit } from './exit.js';

const isSoftware = (type: number): boolean =>
  type === InterruptionType.SoftwareException || type === InterruptionType.PrivilegedSoftwareException;

/** Gives the guest the exception or NMI that made it exit, as if it had not. */
export function reflectException(exit: Exit, controlRegisters: ControlRegisters): void {
  const { vmcs } = exit;
  const information = exit.interruptionInformation;
  const type = (information & InterruptionBit.Type) >>> 8;
  const vector = information & InterruptionBit.Vector;
  // CR2 is not part of the VMCS: a page fault that exits leaves it alone.
  if (type === InterruptionType.HardwareException && vector === Vector.PageFault)
    controlRegisters.writeCr2(exit.qualification);
  const kept = information & ~InterruptionBit.NmiUnblockingDueToIret;
  vmcs.writeHalves(VmcsField.VmEntryInterruptionInformationField, kept >>> 0, 0);
  vmcs.writeHalves(VmcsField.VmEntryExceptionErrorCode, vmcs.readLow(VmcsField.VmExitInterruptionErrorCode), 0);
  if (isSoftware(type)) vmcs.writeHalves(VmcsField.VmEntryInstructionLength, exit.instructionLength, 0);
}
