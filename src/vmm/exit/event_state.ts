// SPDX-License-Identifier: LGPL-2.1-only
// The guest's non-register state when it takes an event. An exit that an exception causes directly leaves that state as it was before the event
// (SDM 3C "Architectural State Before a VM Exit"), and VM entry checks it ("Checks on Guest Non-Register State").
import { InterruptionBit, InterruptionType, Vector } from '../../intrinsics/vmx/exit_information.js';
import { ActivityState, InterruptibilityState } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Vmcs } from '../vmcs/vmcs.js';

/** The state for an event that VM entry injects: the processor is awake, and a shadow of STI or MOV SS ends. */
export function prepareDelivery(vmcs: Vmcs, information: number): void {
  const type = (information & InterruptionBit.Type) >>> 8;
  // A pending MTF VM exit is not delivered to the guest.
  if (type === InterruptionType.OtherEvent) return;
  wake(vmcs);
  let ended: number = InterruptibilityState.BlockingBySti;
  if (!keepsMovSs(vmcs, type)) ended |= InterruptibilityState.BlockingByMovSs;
  // An NMI blocks NMIs when it is delivered. Until then, virtual NMIs must not be blocked.
  if (type === InterruptionType.NonMaskableInterrupt) ended |= InterruptibilityState.BlockingByNmi;
  endBlocking(vmcs, ended);
}

/** The state for a guest that goes on after a debug exception that it does not get. */
export function passDebugException(vmcs: Vmcs, information: number): void {
  if ((information & InterruptionBit.Valid) === 0) return;
  if ((information & InterruptionBit.Vector) !== Vector.DebugException) return;
  wake(vmcs);
  endBlocking(vmcs, InterruptibilityState.BlockingBySti | InterruptibilityState.BlockingByMovSs);
}

/**
 * After a software interrupt or exception in the shadow of MOV SS, VM entry delivers the pending debug exceptions. SDM 3C "Delivery of Pending
 * Debug Exceptions after VM Entry".
 */
function keepsMovSs(vmcs: Vmcs, type: number): boolean {
  if (type !== InterruptionType.SoftwareInterrupt && type !== InterruptionType.SoftwareException) return false;
  return vmcs.readLow(VmcsField.GuestPendingDebugExceptions) !== 0;
}

/** Not from wait-for-SIPI: only a start-up IPI ends that state. */
function wake(vmcs: Vmcs): void {
  const activity = vmcs.readLow(VmcsField.GuestActivityState);
  if (activity === ActivityState.Hlt || activity === ActivityState.Shutdown)
    vmcs.writeHalves(VmcsField.GuestActivityState, ActivityState.Active, 0);
}

function endBlocking(vmcs: Vmcs, bits: number): void {
  const blocking = vmcs.readLow(VmcsField.GuestInterruptibilityState);
  if ((blocking & bits) !== 0) vmcs.writeHalves(VmcsField.GuestInterruptibilityState, blocking & ~bits, 0);
}
