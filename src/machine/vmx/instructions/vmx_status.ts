// SPDX-License-Identifier: LGPL-2.1-only

/**
 * How a VMX instruction ended. SDM 3D "Conventions" of the VMX instruction reference. Faults are numbers too, so that no instruction
 * allocates: `FaultBase + vector`, all of them with error code 0 where the vector has one.
 */
export const VmxStatus = {
  /** VMsucceed: the arithmetic flags become 0. */
  Succeed: 0,
  /** VMfailInvalid: CF becomes 1. There is no current VMCS to hold an error number. */
  FailInvalid: 1,
  /** VMfailValid: ZF becomes 1, and the number is in the VM-instruction error field. */
  FailValid: 2,
  /** VMLAUNCH or VMRESUME: the guest's state is loaded (or a VM entry failed late and the host's is); no flags to set, RIP is right. */
  Transferred: 3,
  /** #UD. */
  UndefinedOpcode: 0x106,
  /** #GP(0). */
  GeneralProtection: 0x10d,
} as const;
export type VmxStatus = (typeof VmxStatus)[keyof typeof VmxStatus];

/** The vector of the fault that a status means, −1 if it is not a fault. */
export function faultVector(status: VmxStatus): number {
  return status >= 0x100 ? status & 0xff : -1;
}
