// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { ReportValue } from './report_contribution.js';
import type { UserData } from './user_data.js';

/** All vCPUs by id. Calls for an unknown id do nothing, unless said otherwise. */
export interface VcpuManager {
  /** Makes and initialises a vCPU; one that exists is initialised again. A failure leaves nothing behind. */
  createVcpu(vcpuid: bigint, userData?: UserData): void;
  /** Ends it and forgets it, even if its end throws. */
  deleteVcpu(vcpuid: bigint, userData?: UserData): void;
  /** Runs it; one that fails is halted. */
  runVcpu(vcpuid: bigint, userData?: UserData): void;
  hltVcpu(vcpuid: bigint, userData?: UserData): void;
  /** To the vCPU's debug ring. */
  write(vcpuid: bigint, text: string): void;
  /** The messages of a vCPU, also of one that was deleted; undefined for an id that never was. */
  readRing(vcpuid: bigint): string | undefined;
  /** What contributions report: by name, then by value. Of vCPUs that were deleted, what they reported last. */
  reports(): Record<string, Record<string, ReportValue>>;
}
export const VcpuManager = component<VcpuManager>('bareflank.VcpuManager', 'vmm');
