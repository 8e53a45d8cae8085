// SPDX-License-Identifier: LGPL-2.1-only
import type { ControlRegisters } from '../../intrinsics/control_registers.js';
import { InterruptionBit, InterruptionType, Vector } from '../../intrinsics/exit_information.js';
import { Debugctl, Dr6, Dr7 } from '../../intrinsics/registers.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import type { Exit } from '../exit/exit.js';

/** Exceptions that make a double fault with each other. SDM 3A "Interrupt 8—Double Fault Exception (#DF)". */
const contributory: readonly number[] = [
  Vector.DivideError,
  Vector.InvalidTss,
  Vector.SegmentNotPresent,
  Vector.StackSegmentFault,
  Vector.GeneralProtection,
  Vector.ControlProtection,
];

const typeOf = (information: number): number => (information & InterruptionBit.Type) >>> 8;
const isHardwareException = (information: number): boolean =>
  (information & InterruptionBit.Valid) !== 0 && typeOf(information) === InterruptionType.HardwareException;

/** What becomes of an exception during the delivery of an event: itself, #DF or a triple fault. */
function combination(delivered: number, raised: number): 'itself' | 'double fault' | 'triple fault' {
  if (!isHardwareException(delivered) || !isHardwareException(raised)) return 'itself';
  const first = delivered & InterruptionBit.Vector;
  const second = raised & InterruptionBit.Vector;
  if (first === Vector.DoubleFault) return 'triple fault';
  const isSerious = contributory.includes(second) || (first === Vector.PageFault && second === Vector.PageFault);
  return isSerious && (first === Vector.PageFault || contributory.includes(first)) ? 'double fault' : 'itself';
}

/** B0–B3: each debug exception writes all of them, and no other bit of DR6. */
const metBreakpoints = Dr6.B0 | Dr6.B1 | Dr6.B2 | Dr6.B3;

/**
 * The effects of a debug exception besides its delivery. Neither its VM exit nor its injection has them: DR6 gets the cause, and general detection,
 * last-branch records and single-stepping on branches end. SDM 3C "Basic VM-Exit Information", SDM 3B "Debug Exceptions".
 */
function recordDebug(exit: Exit, controlRegisters: ControlRegisters): void {
  const { vmcs } = exit;
  const causes = exit.qualificationLow & (metBreakpoints | Dr6.BD | Dr6.BS);
  if (causes !== 0) {
    const others = controlRegisters.readDr6() & ~BigInt(metBreakpoints);
    controlRegisters.writeDr6(others | BigInt(causes));
  }
  vmcs.writeHalves(VmcsField.GuestDr7, vmcs.readLow(VmcsField.GuestDr7) & ~Dr7.GeneralDetect, 0);
  const debugctl = vmcs.readLow(VmcsField.GuestIa32Debugctl) & ~(Debugctl.Lbr | Debugctl.Btf);
  vmcs.writeHalves(VmcsField.GuestIa32Debugctl, debugctl, vmcs.readHigh(VmcsField.GuestIa32Debugctl));
}

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
  if (vector === Vector.PageFault && isHardwareException(information)) controlRegisters.writeCr2(exit.qualification);
  switch (combination(vmcs.readLow(VmcsField.IdtVectoringInformation), information)) {
    case 'triple fault':
      return false;
    case 'double fault':
      exit.inject(Vector.DoubleFault, 0);
      return true;
    case 'itself':
      if (vector === Vector.DebugException) recordDebug(exit, controlRegisters);
      exit.injectEvent(
        information & ~InterruptionBit.NmiUnblockingDueToIret,
        vmcs.readLow(VmcsField.VmExitInterruptionErrorCode),
        exit.instructionLength,
      );
      return true;
  }
}
