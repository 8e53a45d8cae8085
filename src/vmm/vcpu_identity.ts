// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../intrinsics/component.js';

/** vCPU ids: the reserved bit, special ids, and the bit that distinguishes the vCPUs of guest VMs (ids from 0x10000) from those of the host VM. */
export const VcpuId = {
  reserved: 0x8000000000000000n,
  invalid: 0xffffffffffffffffn,
  current: 0xfffffffffffffff0n,
  guestMask: 0xffffffffffff0000n,
} as const;

/** The first bit of a vCPU id that makes it a guest's. */
export const VCPUID_GUEST_FROM = 16;

/** The id of the vCPU that owns the container. The factory binds it. */
export const VcpuIdentity = component<bigint>('bareflank.VcpuIdentity', 'vcpu');
