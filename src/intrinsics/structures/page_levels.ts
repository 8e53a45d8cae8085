// SPDX-License-Identifier: LGPL-2.1-only
// The levels that page tables and EPT share: 9 bits of the address each.

/** The lowest address bit of a table's index, from the root down. */
export const levelShifts = [39n, 30n, 21n, 12n] as const;

/** The place of an address in a table. @param level 0 is the root. */
export function indexAt(address: bigint, level: number): number {
  return Number((address >> levelShifts[level]!) & 0x1ffn);
}

/** The level whose entries map pages of `bytes`: 1 for 1 GiB, 2 for 2 MiB, 3 for 4 KiB. */
export function levelOf(bytes: number): number {
  return bytes === 0x40000000 ? 1 : bytes === 0x200000 ? 2 : 3;
}

/** Bits 51:12 of an entry: the address of a page or table. */
export const pageAddressMask = 0x000f_ffff_ffff_f000n;
