// SPDX-License-Identifier: LGPL-2.1-only
// What the VMM must do for the exceptions that it gives its guest, since neither an exit nor an injection does it.
import type { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import type { ProcessorFault } from '../../intrinsics/errors.js';
import { InterruptionBit, InterruptionType, Vector } from '../../intrinsics/vmx/exit_information.js';
import { Debugctl, Dr6, Dr7 } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Exit } from '../exit/exit.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import { GuestPageFault } from './guest_page_fault.js';

/** Exceptions that make a double fault with each other. SDM 3A "Interrupt 8—Double Fault Exception (#DF)". */
const contributory: readonly number[] = [
  Vector.DivideError,
  Vector.InvalidTss,
  Vector.SegmentNotPresent,
  Vector.StackSegmentFault,
  Vector.GeneralProtection,
  Vector.ControlProtection,
];
/** Exceptions whose error code is a selector, with EXT as bit 0. */
const withSelector: readonly number[] = [
  Vector.InvalidTss,
  Vector.SegmentNotPresent,
  Vector.StackSegmentFault,
  Vector.GeneralProtection,
];

const typeOf = (information: number): number => (information & InterruptionBit.Type) >>> 8;
export const isHardwareException = (information: number): boolean =>
  (information & InterruptionBit.Valid) !== 0 && typeOf(information) === InterruptionType.HardwareException;

/** Whether an event is one that its instruction asked for: INT n, INT3, INTO. INT1 is not. */
export function isSoftwareEvent(information: number): boolean {
  const type = typeOf(information);
  return type === InterruptionType.SoftwareInterrupt || type === InterruptionType.SoftwareException;
}

/** What an exception becomes that was raised while the processor delivered an event: itself, #DF or a triple fault. */
export function combination(delivered: number, raised: number): 'itself' | 'double fault' | 'triple fault' {
  if (!isHardwareException(delivered) || !isHardwareException(raised)) return 'itself';
  const first = delivered & InterruptionBit.Vector;
  const second = raised & InterruptionBit.Vector;
  if (first === Vector.DoubleFault) return 'triple fault';
  const isSerious = contributory.includes(second) || (first === Vector.PageFault && second === Vector.PageFault);
  return isSerious && (first === Vector.PageFault || contributory.includes(first)) ? 'double fault' : 'itself';
}

/** B0–B3: each debug exception writes them all, and none of the others of DR6. */
export const metBreakpoints = Dr6.B0 | Dr6.B1 | Dr6.B2 | Dr6.B3;

/**
 * What a debug exception does besides its delivery: DR6 says why it came, general detection ends, and so do last-branch records and
 * single-stepping on branches. SDM 3C "Basic VM-Exit Information", SDM 3B "Debug Exceptions".
 */
export function recordDebug(vmcs: Vmcs, controlRegisters: ControlRegisters, causes: number): void {
  if (causes !== 0) {
    const others = controlRegisters.readDr6() & ~BigInt(metBreakpoints);
    controlRegisters.writeDr6(others | BigInt(causes));
  }
  vmcs.writeHalves(VmcsField.GuestDr7, vmcs.readLow(VmcsField.GuestDr7) & ~Dr7.GeneralDetect, 0);
  const debugctl = vmcs.readLow(VmcsField.GuestIa32Debugctl) & ~(Debugctl.Lbr | Debugctl.Btf);
  vmcs.writeHalves(VmcsField.GuestIa32Debugctl, debugctl, vmcs.readHigh(VmcsField.GuestIa32Debugctl));
}

/**
 * Gives the guest the fault of an instruction, or of an event's delivery, that the VMM carried out in its stead.
 *
 * @returns false if it ends in a triple fault, which nothing can deliver.
 */
export function deliverFault(exit: Exit, controlRegisters: ControlRegisters, fault: ProcessorFault): boolean {
  const delivered = exit.vmcs.readLow(VmcsField.IdtVectoringInformation);
  const isExternal = (delivered & InterruptionBit.Valid) !== 0 && !isSoftwareEvent(delivered);
  if (fault instanceof GuestPageFault) controlRegisters.writeCr2(fault.address);
  const raised = InterruptionBit.Valid | (InterruptionType.HardwareException << 8) | fault.vector;
  switch (combination(delivered, raised)) {
    case 'triple fault':
      return false;
    case 'double fault':
      exit.inject(Vector.DoubleFault, 0);
      return true;
    case 'itself': {
      const hasExt = isExternal && withSelector.includes(fault.vector);
      exit.inject(fault.vector, hasExt ? fault.errorCode! | 1 : fault.errorCode);
      return true;
    }
  }
}
