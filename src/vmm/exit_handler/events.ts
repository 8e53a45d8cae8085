// SPDX-License-Identifier: LGPL-2.1-only
import type { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import { InterruptionBit, Vector } from '../../intrinsics/vmx/exit_information.js';
import { Dr6 } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { combination, isHardwareException, metBreakpoints, recordDebug } from '../emulation/exceptions.js';
import type { Exit } from '../exit/exit.js';

/**
 * Gives the guest the exception or NMI that made it exit, as if it had not.
 *
 * @returns false if it ends in a triple fault, which nothing can deliver.
 */
export function reflectException(exit: Exit, controlRegisters: ControlRegisters): boolean {
  const { vmcs } = exit;
  const information = exit.interruptionInformation;
  const vector = information & InterruptionBit.Vector;
  // CR2 is not part of the VMCS: a page fault that exits does not change it.
  if (vector === Vector.PageFault && isHardwareException(information))
    controlRegisters.writeHalves(2, exit.qualificationLow, exit.qualificationHigh);
  switch (combination(vmcs.readLow(VmcsField.IdtVectoringInformation), information)) {
    case 'triple fault':
      return false;
    case 'double fault':
      exit.inject(Vector.DoubleFault, 0);
      return true;
    case 'itself':
      if (vector === Vector.DebugException) {
        const causes = exit.qualificationLow & (metBreakpoints | Dr6.BD | Dr6.BS);
        recordDebug(vmcs, controlRegisters, causes);
      }
      exit.injectEvent(
        information & ~InterruptionBit.NmiUnblockingDueToIret,
        vmcs.readLow(VmcsField.VmExitInterruptionErrorCode),
        exit.instructionLength,
      );
      return true;
  }
}
