// SPDX-License-Identifier: LGPL-2.1-only
/** Page and cache-line geometry. */
export const X64 = {
  pageSize: 4096,
  pageShift: 12,
  cacheLineSize: 64,
  cacheLineShift: 6,
} as const;
