// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { UserData } from './user_data.js';
import type { Vcpu } from './vcpu.js';

/** Makes vCPUs, each with its own parts. */
export interface VcpuFactory {
  makeVcpu(vcpuid: bigint, userData?: UserData): Vcpu;
  /** Disposes the parts of a vCPU that `makeVcpu` made. */
  disposeVcpu(vcpu: Vcpu): void;
}
export const VcpuFactory = component<VcpuFactory>('bareflank.VcpuFactory', 'vmm');
