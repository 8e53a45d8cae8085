// SPDX-License-Identifier: LGPL-2.1-only
/** Page and cache-line geometry. */
export const X64 = {
  pageSize: 4096,
  pageShift: 12,
  cacheLineSize: 64,
  cacheLineShift: 6,
} as const;

/** SDM 3A "Process-Context Identifiers (PCIDs)": bits 11:0 of CR3 and of INVPCID's descriptor. */
export const PCID_BITS = 0xfff;

/** Types of INVPCID. SDM 2A "INVPCID—Invalidate Process-Context Identifier". */
export const InvpcidType = {
  IndividualAddress: 0,
  SingleContext: 1,
  AllContexts: 2,
  AllContextsRetainingGlobals: 3,
} as const;
