// SPDX-License-Identifier: LGPL-2.1-only
import type { VmcsAccessors } from '../../intrinsics/accessors/vmcs_accessors.js';
import type { VmcsByEncoding } from './vmcs_by_encoding.js';

/** The fields of the current VMCS: by their encodings, and by their names. */
export type VmcsFields = VmcsByEncoding & VmcsAccessors;
