// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** The version of the framework that is modelled: major, minor, patch. */
export const BAREFLANK_VERSION = [1, 1, 0] as const;

/** The user's own version until `userVersion` is overridden. */
export const USER_VERSION_DEFAULT = [0, 0, 0] as const;

/** The user's own version, for VMCALL_VERSIONS: major, minor, patch. Rebind it. */
export type UserVersion = readonly [number, number, number];
export const UserVersion = component<UserVersion>('bareflank.UserVersion', 'vmm');
