// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** What a VMCALL's handler threw. */
export interface VmcallFailure {
  readonly message: string;
  readonly error: unknown;
}

/** Why VMCALLs failed. The registers of a VMCALL carry a code only; the driver asks here for the reason. */
export interface VmcallFailures {
  /** The VMCALL that a vCPU handles failed. */
  note(vcpuid: bigint, failure: VmcallFailure): void;
  /** Why the last VMCALL of a vCPU failed; undefined if no failure was noted since `forget`. */
  of(vcpuid: bigint): VmcallFailure | undefined;
  /** The vCPU's next VMCALL begins. */
  forget(vcpuid: bigint): void;
}
export const VmcallFailures = component<VmcallFailures>('bareflank.VmcallFailures', 'vmm');
