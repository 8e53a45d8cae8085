// SPDX-License-Identifier: LGPL-2.1-only
// Time stamps of the guest and of the processor, as unsigned halves, low first: RDTSC may exit often, and nothing is allocated.
import { PrimaryControl } from '../../intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Exit } from '../exit/exit.js';

const twoTo32 = 0x1_0000_0000;

/**
 * The field says how far the guest's time stamp is ahead of the processor's, while its control is 1. SDM 3C "Changes to Instruction
 * Behavior in VMX Non-Root Operation".
 */
function hasOffset(exit: Exit): boolean {
  return exit.vmcs.isEnabled('primary', PrimaryControl.UseTscOffsetting);
}

/** Adds the field to a value, or takes it away. */
function move(exit: Exit, value: Uint32Array, sign: 1 | -1): void {
  const low = value[0]! + sign * (exit.vmcs.readLow(VmcsField.TscOffset) >>> 0);
  const carry = low >= twoTo32 ? 1 : low < 0 ? -1 : 0;
  value[1] = value[1]! + sign * (exit.vmcs.readHigh(VmcsField.TscOffset) >>> 0) + carry;
  value[0] = low;
}

/** 0 says that no deadline is armed. */
function moveDeadline(exit: Exit, deadline: Uint32Array, sign: 1 | -1): void {
  if ((deadline[0]! | deadline[1]!) === 0 || !hasOffset(exit)) return;
  move(exit, deadline, sign);
  if ((deadline[0]! | deadline[1]!) === 0) deadline[0] = 1;
}

/** Makes a time stamp of the processor's the guest's: what RDTSC, RDTSCP and RDMSR of IA32_TIME_STAMP_COUNTER would read without an exit. */
export function toGuestTimeStamp(exit: Exit, timeStamp: Uint32Array): void {
  if (hasOffset(exit)) move(exit, timeStamp, 1);
}

/** Makes a deadline in the processor's time stamp one in the guest's. */
export function toGuestDeadline(exit: Exit, deadline: Uint32Array): void {
  moveDeadline(exit, deadline, 1);
}

/** The opposite. The processor does not apply the offset here. Without this the guest's timer would be early or late. */
export function toProcessorDeadline(exit: Exit, deadline: Uint32Array): void {
  moveDeadline(exit, deadline, -1);
}
