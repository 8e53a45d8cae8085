// SPDX-License-Identifier: LGPL-2.1-only
import { MemoryAttribute, patIndexOf } from '../../intrinsics/constants.js';
import { MemoryManagerError } from '../errors.js';
import { hex } from '../support/text.js';

/** Bits of a page-table entry. SDM 3A "4-Level Paging and 5-Level Paging". */
export const PageTableEntryBit = {
  present: 1n << 0n,
  rw: 1n << 1n,
  us: 1n << 2n,
  pwt: 1n << 3n,
  pcd: 1n << 4n,
  accessed: 1n << 5n,
  dirty: 1n << 6n,
  /** In a directory: the entry maps a large page. */
  ps: 1n << 7n,
  /** In a page table: bit 2 of the PAT index. */
  pat4k: 1n << 7n,
  global: 1n << 8n,
  /** In a large page: bit 2 of the PAT index. */
  patLarge: 1n << 12n,
  nx: 1n << 63n,
} as const;

/** Bits 51:12: the address of a page or table. */
export const pageAddressMask = 0x000f_ffff_ffff_f000n;

const accessBits: Readonly<Record<number, bigint>> = {
  [MemoryAttribute.rw]: PageTableEntryBit.rw | PageTableEntryBit.nx,
  [MemoryAttribute.re]: 0n,
  [MemoryAttribute.pt]: PageTableEntryBit.rw,
};

function patBits(index: number, isLarge: boolean): bigint {
  return (
    ((index & 1) !== 0 ? PageTableEntryBit.pwt : 0n) |
    ((index & 2) !== 0 ? PageTableEntryBit.pcd : 0n) |
    ((index & 4) !== 0 ? (isLarge ? PageTableEntryBit.patLarge : PageTableEntryBit.pat4k) : 0n)
  );
}

/**
 * The entry that maps a page.
 *
 * @param physical page-aligned to the page's size.
 * @param attributes a value of `MemoryAttribute`: access and memory type.
 * @throws MemoryManagerError for attributes without a meaning.
 */
export function leafEntry(physical: bigint, attributes: number, isLarge: boolean): bigint {
  const access = accessBits[attributes & 0xf00];
  const index = patIndexOf[attributes & 0xf];
  if (access === undefined || index === undefined || (attributes & ~0xf0f) !== 0) {
    throw new MemoryManagerError(
      `attributes ${hex(attributes)}: wanted rw 0x1xx, re 0x2xx or pt 0x3xx plus a memory type`,
    );
  }
  const large = isLarge ? PageTableEntryBit.ps : 0n;
  return (physical & pageAddressMask) | PageTableEntryBit.present | access | large | patBits(index, isLarge);
}

/** The PAT index of a leaf entry: which of the eight entries of IA32_PAT gives its memory type. */
export function patIndex(entry: bigint, isLarge: boolean): number {
  const high = isLarge ? PageTableEntryBit.patLarge : PageTableEntryBit.pat4k;
  return (
    ((entry & PageTableEntryBit.pwt) !== 0n ? 1 : 0) |
    ((entry & PageTableEntryBit.pcd) !== 0n ? 2 : 0) |
    ((entry & high) !== 0n ? 4 : 0)
  );
}
