// SPDX-License-Identifier: LGPL-2.1-only
/** The VMM's own GDT: selectors, rights, bases and limits by index. A TSS takes two entries. */
export const vmmGdt = [
  { index: 1, use: 'cs', selector: 0x08, access: 0xa09b, base: 0, limit: 0xffffffff },
  { index: 2, use: 'ss', selector: 0x10, access: 0xc093, base: 0, limit: 0xffffffff },
  { index: 3, use: 'fs', selector: 0x18, access: 0x8093, base: 0, limit: 0xffffffff },
  { index: 4, use: 'gs', selector: 0x20, access: 0x8093, base: 0, limit: 0xffffffff },
  { index: 5, use: 'tr', selector: 0x28, access: 0x8b, base: undefined, limit: 103 },
] as const;
