// SPDX-License-Identifier: LGPL-2.1-only
// The written pages of RAM and carve-out, for the host: the state hash, snapshots and resets.
import { CARVE_OUT_BYTES, DIRTY, RAM_BYTES, WRITTEN_LIST, WRITTEN_LIST_PAGES } from "../generated/layout";

@inline const PIECE: u32 = 16;

/** Lists the pages of a piece of the dirty map whose marks are set, as far as there is room, and takes their marks away. */
function takePiece(first: u32, count: u32): u32 {
  for (let page = first; page < first + PIECE && count < WRITTEN_LIST_PAGES; page++) {
    if (!load<u8>(DIRTY + page)) continue;
    store<u8>(DIRTY + page, 0);
    store<u32>(WRITTEN_LIST + (count << 2), page);
    count++;
  }
  return count;
}
/**
 * Takes the marks of written pages away, from a page on, and lists the pages at WRITTEN_LIST.
 * @returns how many; if the list is full, more may follow its last page.
 */
export function takeWritten(from: u32): u32 {
  const pages = (load<u32>(RAM_BYTES) + CARVE_OUT_BYTES) >> 12;
  let count: u32 = 0;
  for (let page = from & ~(PIECE - 1); page < pages && count < WRITTEN_LIST_PAGES; page += PIECE) {
    if (v128.any_true(v128.load(DIRTY + page))) count = takePiece(page, count);
  }
  return count;
}
