// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { ReportValue } from './report_contribution.js';
import type { UserData } from './user_data.js';

/** All vCPUs by id. Calls for an unknown id do nothing unless noted. */
export interface VcpuManager {
  /** Makes and initialises a vCPU. An existing vCPU is initialised again. A failure leaves nothing behind. */
  createVcpu(vcpuid: bigint, userData?: UserData): void;
  /** Ends a vCPU and removes it, even if its end throws. */
  deleteVcpu(vcpuid: bigint, userData?: UserData): void;
  /** Runs a vCPU, and halts it if that fails. */
  runVcpu(vcpuid: bigint, userData?: UserData): void;
  hltVcpu(vcpuid: bigint, userData?: UserData): void;
  /** Writes to the vCPU's debug ring. */
  write(vcpuid: bigint, text: string): void;
  /** The messages of a vCPU, deleted or not; undefined for an id that no vCPU ever had. */
  readRing(vcpuid: bigint): string | undefined;
  /** What contributions report: by name, then by value. For deleted vCPUs, their last reports. */
  reports(): Record<string, Record<string, ReportValue>>;
}
export const VcpuManager = component<VcpuManager>('bareflank.VcpuManager', 'vmm');
