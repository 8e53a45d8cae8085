// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** The user's own version, for VMCALL_VERSIONS: major, minor, patch. Rebind it. */
export type UserVersion = readonly [number, number, number];
export const UserVersion = component<UserVersion>('bareflank.UserVersion', 'vmm');
