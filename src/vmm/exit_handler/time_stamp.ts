// SPDX-License-Identifier: LGPL-2.1-only
import { PrimaryControl } from '../../intrinsics/control_bits.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import type { Exit } from '../exit/exit.js';

/**
 * How far the guest's time stamp is ahead of the processor's. The field is in effect only while its control is 1. SDM 3C "Changes to Instruction
 * Behavior in VMX Non-Root Operation".
 */
function offsetOf(exit: Exit): bigint {
  return exit.vmcs.isEnabled('primary', PrimaryControl.UseTscOffsetting) ? exit.vmcs.read(VmcsField.TscOffset) : 0n;
}

/** The guest's time stamp: what RDTSC, RDTSCP and RDMSR of IA32_TIME_STAMP_COUNTER would read without an exit. */
export function guestTimeStamp(exit: Exit, timeStamp: bigint): bigint {
  return BigInt.asUintN(64, timeStamp + offsetOf(exit));
}

/** A deadline in the guest's time stamp, from one in the processor's. 0 says that none is armed. */
export function guestDeadline(exit: Exit, deadline: bigint): bigint {
  return deadline === 0n ? 0n : BigInt.asUintN(64, deadline + offsetOf(exit)) || 1n;
}

/** The opposite of `guestDeadline`. The processor does not apply the offset here. Without this the guest's timer would be early or late. */
export function processorDeadline(exit: Exit, deadline: bigint): bigint {
  return deadline === 0n ? 0n : BigInt.asUintN(64, deadline - offsetOf(exit)) || 1n;
}
