// SPDX-License-Identifier: LGPL-2.1-only
// External interrupts and NMIs that an extension makes exit and leaves to the base: the guest gets them as from the bare machine. SDM 3C "External
// Interrupts and NMIs", "Interrupt-Window Exiting and Virtual-Interrupt Delivery", "NMI-Window Exiting".
import { ExitControl, PinBasedControl, PrimaryControl } from '../../intrinsics/vmx/control_bits.js';
import { InterruptionBit, InterruptionType, Vector } from '../../intrinsics/vmx/exit_information.js';
import { ActivityState, InterruptibilityState, Rflags } from '../../intrinsics/registers/registers.js';
import type { LocalApic } from '../../intrinsics/instructions/local_apic.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Exit } from '../exit/exit.js';
import { bfwarning } from '../output/output.js';
import type { Vmcs } from '../vmcs/vmcs.js';

/** Events that have arrived and that the guest has not got. */
export interface ArrivedEvents {
  /** Vectors that exits have acknowledged. A later one has a higher priority. */
  readonly interrupts: number[];
  hasNmi: boolean;
  /** External interrupts do not exit until the guest can take one: an interrupt that nobody acknowledged stays in the local APIC. */
  isSuspended: boolean;
  /** The next exit acknowledges its interrupt, because the base asked for it. */
  acknowledgesOne: boolean;
}

export const noEvents = (): ArrivedEvents => ({
  interrupts: [],
  hasNmi: false,
  isSuspended: false,
  acknowledgesOne: false,
});

const shadows = InterruptibilityState.BlockingBySti | InterruptibilityState.BlockingByMovSs;
const nmiInformation = InterruptionBit.Valid | (InterruptionType.NonMaskableInterrupt << 8) | Vector.NmiInterrupt;

/** Whether the guest would take an external interrupt now. */
function takesInterrupts(vmcs: Vmcs): boolean {
  if ((vmcs.readLow(VmcsField.GuestRflags) & Rflags.InterruptEnableFlag) === 0) return false;
  if ((vmcs.readLow(VmcsField.GuestInterruptibilityState) & shadows) !== 0) return false;
  return vmcs.readLow(VmcsField.GuestActivityState) <= ActivityState.Hlt;
}

/** An external interrupt exited. */
export function takeExternalInterrupt(exit: Exit, events: ArrivedEvents): void {
  const { vmcs, interruptionInformation } = exit;
  if ((interruptionInformation & InterruptionBit.Valid) !== 0) {
    events.interrupts.push(interruptionInformation & InterruptionBit.Vector);
    if (events.acknowledgesOne) vmcs.disable('exit', ExitControl.AcknowledgeInterruptOnExit);
    events.acknowledgesOne = false;
    deliverOrWait(exit, events);
  } else if (takesInterrupts(vmcs)) {
    // The interrupt is still pending: it exits again before the guest's next instruction.
    vmcs.enable('exit', ExitControl.AcknowledgeInterruptOnExit);
    events.acknowledgesOne = true;
  } else {
    vmcs.disable('pin', PinBasedControl.ExternalInterruptExiting);
    vmcs.enable('primary', PrimaryControl.InterruptWindowExiting);
    events.isSuspended = true;
  }
}

/** The guest can take an interrupt. If the base did not wait for that, nobody did. */
export function openInterruptWindow(exit: Exit, events: ArrivedEvents): void {
  const { vmcs } = exit;
  vmcs.disable('primary', PrimaryControl.InterruptWindowExiting);
  if (events.isSuspended) vmcs.enable('pin', PinBasedControl.ExternalInterruptExiting);
  events.isSuspended = false;
  deliverOrWait(exit, events);
}

function deliverOrWait(exit: Exit, { interrupts }: ArrivedEvents): void {
  if (interrupts.length > 0 && takesInterrupts(exit.vmcs)) {
    exit.injectEvent(InterruptionBit.Valid | (InterruptionType.ExternalInterrupt << 8) | interrupts.pop()!, 0, 0);
  }
  if (interrupts.length > 0) exit.vmcs.enable('primary', PrimaryControl.InterruptWindowExiting);
}

/** Whether an NMI exited, not an exception. */
export const isNmi = ({ interruptionInformation }: Exit): boolean =>
  (interruptionInformation & InterruptionBit.Type) >>> 8 === InterruptionType.NonMaskableInterrupt;

/** An NMI exited. A guest that handles one gets it after its IRET, which only virtual NMIs notice. */
export function takeNmi(exit: Exit, events: ArrivedEvents): void {
  const { vmcs } = exit;
  if (!vmcs.isEnabled('pin', PinBasedControl.VirtualNmis)) vmcs.enable('pin', PinBasedControl.VirtualNmis);
  const blocking = vmcs.readLow(VmcsField.GuestInterruptibilityState);
  if ((blocking & (shadows | InterruptibilityState.BlockingByNmi)) === 0) {
    exit.injectEvent(nmiInformation, 0, 0);
    return;
  }
  events.hasNmi = true;
  vmcs.enable('primary', PrimaryControl.NmiWindowExiting);
}

/** The guest can take an NMI. If the base did not wait for that, nobody did. */
export function openNmiWindow(exit: Exit, events: ArrivedEvents): void {
  exit.vmcs.disable('primary', PrimaryControl.NmiWindowExiting);
  if (events.hasNmi) exit.injectEvent(nmiInformation, 0, 0);
  events.hasNmi = false;
}

/**
 * The VMM leaves the processor: the events that the guest has not got are pending in the local APIC again, and arrive once the processor takes
 * them. Precondition: VMX root operation, in which none arrives.
 */
export function returnEvents(apic: LocalApic, events: ArrivedEvents): void {
  const { interrupts, hasNmi } = events;
  if (interrupts.length === 0 && !hasNmi) return;
  const isEnabled = apic.isEnabled();
  // The last one to be acknowledged has the highest priority, so EOI ends its service first.
  for (const vector of interrupts.splice(0).reverse()) {
    if (isEnabled && apic.isInService(vector)) {
      apic.endOfInterrupt();
      apic.interruptSelf(vector);
    } else bfwarning`interrupt ${vector} is lost: it came from the 8259, which cannot raise it a second time`;
  }
  if (hasNmi && isEnabled) apic.nmiSelf();
  else if (hasNmi) bfwarning`an NMI is lost: the local APIC is off, so that the VMM cannot send it to the guest again`;
  events.hasNmi = false;
}
