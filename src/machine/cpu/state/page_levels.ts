// SPDX-License-Identifier: LGPL-2.1-only
// The geometry of 64-bit paging structures, EPT's among them. Level 0 is the page table. SDM 3A "4-Level Paging and 5-Level Paging".

/** The physical address in an entry. */
@inline export const FRAME: u64 = 0x000ffffffffff000;

/** The lowest bit of an address that chooses an entry of a level. */
@inline function shiftOf(level: i32): u64 { return 12 + 9 * level; }
/** The entry of a level's table for an address. */
@inline export function tableIndex(address: u64, level: i32): u64 { return (address >> shiftOf(level)) & 0x1ff; }
/** The bits of an address inside the page that an entry of a level maps. */
@inline export function pageOffset(level: i32): u64 { return (<u64>1 << shiftOf(level)) - 1; }
