// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../intrinsics/component.js';

/** The id of the vCPU whose container this is; bound by its factory. */
export const VcpuIdentity = component<bigint>('bareflank.VcpuIdentity', 'vcpu');
