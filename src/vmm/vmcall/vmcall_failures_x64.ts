// SPDX-License-Identifier: LGPL-2.1-only
import { injectable } from 'inversify';
import { derived } from '../state/state.js';
import type { VmcallFailure, VmcallFailures } from './vmcall_failures.js';

/** Keeps the last failure of each vCPU. */
@injectable()
export class VmcallFailuresX64 implements VmcallFailures {
  /** Failures of one VMCALL each: its caller asks at once. */
  @derived() private readonly failures = new Map<bigint, VmcallFailure>();

  note(vcpuid: bigint, failure: VmcallFailure): void {
    this.failures.set(vcpuid, failure);
  }

  of(vcpuid: bigint): VmcallFailure | undefined {
    return this.failures.get(vcpuid);
  }

  forget(vcpuid: bigint): void {
    this.failures.delete(vcpuid);
  }
}
