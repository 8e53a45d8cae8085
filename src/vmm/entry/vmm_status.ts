// SPDX-License-Identifier: LGPL-2.1-only
/** States of the VMM as the driver and `bfm status` know them. */
export const VmmStatus = {
  VMM_UNLOADED: 10,
  VMM_LOADED: 11,
  VMM_RUNNING: 12,
  VMM_CORRUPT: 100,
} as const;
