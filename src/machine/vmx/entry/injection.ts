// SPDX-License-Identifier: LGPL-2.1-only
// SDM 3C "Event Injection": the event that a VM entry delivers through the guest's IDT becomes the core's waiting event.
import { ActivityState, InterruptibilityState } from '../../../intrinsics/registers/registers.js';
import { VmcsField } from '../../../intrinsics/vmcs/vmcs_fields.js';
import { slotOf } from '../vmcs/field_slots.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import { store64, Word } from '../words.js';

const errorCode = slotOf(VmcsField.VmEntryExceptionErrorCode);
const instructionLength = slotOf(VmcsField.VmEntryInstructionLength);

/** Event types of VM-entry interruption information. */
export const EventType = {
  ExternalInterrupt: 0,
  Nmi: 2,
  HardwareException: 3,
  SoftwareInterrupt: 4,
  PrivilegedSoftwareException: 5,
  SoftwareException: 6,
  Other: 7,
} as const;

/**
 * Whether pending debug exceptions survive a VM entry. SDM 3C "Delivery of Pending Debug Exceptions after VM Entry".
 * @param information the VM-entry interruption-information field. @param activity the activity state before the injection.
 */
export function keepsPendingDebug(information: number, interruptibility: number, activity: number): boolean {
  const type = (information >>> 8) & 7;
  if (information >= 0 || type === EventType.Other)
    return activity !== ActivityState.Shutdown && activity !== ActivityState.WaitForSipi;
  const isSoftware = type === EventType.SoftwareInterrupt || type === EventType.SoftwareException;
  return isSoftware && (interruptibility & InterruptibilityState.BlockingByMovSs) !== 0;
}

/** @param information the VM-entry interruption-information field, valid. */
export function injectEvent(u32: Uint32Array, vmcs: Vmcs, information: number): void {
  const type = (information >>> 8) & 7;
  if (type === EventType.Other) {
    // Vector 0: an MTF VM exit becomes pending before the first instruction.
    u32[Word.mtfPending] = 1;
    return;
  }
  // An injected event wakes the processor from any activity state. SDM 3C "Vectored-Event Injection".
  u32[Word.activity] = 0;
  u32[Word.faultPending] = 1;
  // An injected event ignores the exception bitmap, and does not change CR2 and DR6.
  u32[Word.faultInjected] = 1;
  u32[Word.faultVector] = information & 0xff;
  u32[Word.faultType] = type;
  u32[Word.faultHasCode] = (information >>> 11) & 1;
  u32[Word.faultCode] = vmcs.low(errorCode);
  u32[Word.faultLength] = type >= EventType.SoftwareInterrupt ? vmcs.low(instructionLength) : 0;
  store64(u32, Word.faultAddress, 0, 0);
  store64(u32, Word.faultDebug, 0, 0);
}
