// SPDX-License-Identifier: LGPL-2.1-only
// PAE paging outside IA-32e mode keeps its four page-directory-pointer-table entries in registers. SDM 3A "PDPTE Registers".
import { isPdpte, usesPdptes } from '../../intrinsics/contents/control_register_contents.js';
import { Word } from './words.js';

const { cr0, cr4, efer, pdpte0 } = Word;

/** Whether CR0, CR4 and EFER select PAE paging. @param words the machine's memory; V8 may allocate an unsigned CR0, because PG is bit 31. */
export function paePaging(words: Int32Array): boolean {
  return usesPdptes(words[cr0]!, words[cr4]!, words[efer]!);
}

/** Loads the four PDPTEs at a byte offset of the machine's memory. @returns false, with nothing loaded, if a present one has a reserved bit set. */
export function loadPdptes(u32: Uint32Array, at: number, physicalAddressWidth: number): boolean {
  if (at < 0) return false;
  for (let i = 0; i < 4; i++) {
    const low = u32[(at >>> 2) + 2 * i]!;
    const high = u32[(at >>> 2) + 2 * i + 1]!;
    if (!isPdpte(low, high, physicalAddressWidth)) return false;
  }
  for (let i = 0; i < 8; i++) u32[pdpte0 + i] = u32[(at >>> 2) + i]!;
  return true;
}
