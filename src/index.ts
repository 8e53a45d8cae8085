// SPDX-License-Identifier: LGPL-2.1-only
// The public entry: all that extensions import. Nothing of Node, the machine, the driver or the command line is reachable from here.
export * from './intrinsics/component.js';
export * from './intrinsics/errors.js';
