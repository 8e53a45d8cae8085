// SPDX-License-Identifier: LGPL-2.1-only
// Where compiled regions find each other: by RIP, under the translation that the region was entered with. src/machine/compiled writes the
// regions; the interpreter notes each region that it enters.
import {
  JUMP_CACHE, JUMP_CACHE_ENTRIES, REGIONS_FORGOTTEN, REGIONS_NOTED, TLB_FETCH,
} from "../generated/layout";
import { PAGE } from "../state/access_kind";

@inline const ENTRY_BYTES: usize = 16;

@inline function placeOf(rip: u64): usize {
  return JUMP_CACHE + <usize>((rip ^ (rip >> 12)) & (JUMP_CACHE_ENTRIES - 1)) * ENTRY_BYTES;
}
@inline function fetchEntry(rip: u64): usize { return <usize>load<u32>(TLB_FETCH) + ((<usize>(rip >> 12) & 1023) << 5); }

/** Notes the region that was found at a RIP. The fetch TLB holds its page. */
@inline export function noteRegion(rip: u64, slot: u32): void {
  const place = placeOf(rip);
  store<u64>(place, rip);
  store<u32>(place, load<u32>(fetchEntry(rip), 24), 8);
  store<u32>(place, slot, 12);
  store<u32>(REGIONS_NOTED, 1);
}
/**
 * The region to go on with at a RIP, 0 if the interpreter must look. It makes the interpreter's own test of the fetch TLB: the page may be
 * executed at this privilege, and is the physical page of the region.
 */
@inline export function regionAt(rip: u64): u32 {
  const place = placeOf(rip), entry = fetchEntry(rip);
  const isKnown = load<u64>(place) == rip && load<u64>(entry) == (rip & PAGE) && load<u32>(entry, 24) == load<u32>(place, 8);
  return isKnown ? load<u32>(place, 12) : 0;
}
/** Code that has regions was forgotten. */
export function forgetRegions(): void {
  store<u32>(REGIONS_FORGOTTEN, load<u32>(REGIONS_FORGOTTEN) + 1);
  if (!load<u32>(REGIONS_NOTED)) return;
  memory.fill(JUMP_CACHE, 0, JUMP_CACHE_ENTRIES * ENTRY_BYTES);
  store<u32>(REGIONS_NOTED, 0);
}
