// SPDX-License-Identifier: LGPL-2.1-only
// Where decoded code is kept: for each physical page a chain of indexes, one for each DECODE_MODE it ran in, which hold the heads of
// blocks by page offset. Pages with an index have no write tag in any TLB, so that every write to them comes to codeWritten().
// What is where in an index: IndexField.
// An instruction that crosses a page is in no index. A small cache that knows both pages keeps it, and it runs as its own block.
// When the space is used up everything is thrown away.
import { BLOCK, COUNT, FORM } from "./record";
import { ENDINGS, FORM_LOOK, FORM_NEXT } from "../generated/decoder_tables";
import {
  CURRENT_RECORD, FREE_INDEXES, HAS_CROSSINGS, HEAT, HEAT_ENTRIES, HEAT_WANTED, PAGE_MAP, RAM_BYTES, RECORD_GENERATION,
  RECORD_NEXT, RECORDS, RECORDS_END,
} from "../generated/layout";
import { IndexField, RECORD_BYTES, RecordField } from "../generated/record_format";
import { protectPage } from "../tlb/tlb";
import { forgetRegions } from "./jump_cache";

@inline const INDEX_BYTES: usize = IndexField.Heads + 4096 * 4;
@inline const CARVE_OUT: u32 = 0x4000000;

// Cache of instructions that cross a page: 256 × { u64 physical address << 8 | mode @0, u32 second page @8, u32 valid @12,
// two records @32 }
@inline export const CROSSINGS: u32 = 256;
@inline export const CROSSING_BYTES: u32 = 96;
export const crossings: usize = memory.data(256 * 96, 16);

/**
 * True for a record that is in no index and must not be linked to: that of an instruction that crosses a page, or is decoded at each
 * visit.
 */
@inline export function isCrossing(rec: usize): bool { return rec < RECORDS; }

/** The index of a page for a mode, made when there is none. */
export function indexOf(physical: u32, mode: u32): usize {
  const place = PAGE_MAP + (physical >> 12) * 4, first = <usize>load<u32>(place);
  for (let index = first; index; index = load<u32>(index, IndexField.Next)) if (load<u32>(index, IndexField.Mode) == mode) return index;
  let made = <usize>load<u32>(FREE_INDEXES);
  if (made) store<u32>(FREE_INDEXES, load<u32>(made, IndexField.Next));
  else {
    made = load<u32>(RECORD_NEXT);
    store<u32>(RECORD_NEXT, <u32>(made + INDEX_BYTES));
  }
  memory.fill(made, 0, INDEX_BYTES);
  store<u32>(made, mode, IndexField.Mode);
  store<u32>(made, <u32>first, IndexField.Next);
  store<u32>(place, <u32>made);
  if (!first) protectPage(physical >> 12);
  return made;
}

/** Notes that the bytes from..to - 1 of a page are decoded. */
export function mark(index: usize, from: u32, to: u32): void {
  let pieces = load<u64>(index, IndexField.Pieces);
  for (let piece = from >> 6; piece <= (to - 1) >> 6; piece++) pieces |= (<u64>1) << piece;
  store<u64>(index, pieces, IndexField.Pieces);
}

/** Enters the head of a block in the page's index, and notes where the next block goes. */
@inline export function enter(index: usize, start: u32, end: u32, first: usize, next: usize): void {
  store<u32>(index + start * 4, <u32>first, IndexField.Heads);
  store<u32>(RECORD_NEXT, <u32>next);
  mark(index, start, min<u32>(end, 4096));
}

/** Makes room for two indexes and a block, throwing everything away if there is none. */
export function reserve(): void {
  if (<usize>load<u32>(RECORD_NEXT) + 2 * INDEX_BYTES + <usize>(BLOCK + 2) * RECORD_BYTES > RECORDS_END) flushCode();
}

/** Forgets all decoded code. Must not be called while a block runs. */
export function flushCode(): void {
  memory.fill(PAGE_MAP, 0, <usize>((load<u32>(RAM_BYTES) + CARVE_OUT) >> 12) * 4);
  store<u32>(RECORD_NEXT, <u32>RECORDS);
  store<u32>(RECORD_GENERATION, load<u32>(RECORD_GENERATION) + 1);
  store<u32>(FREE_INDEXES, 0);
  forgetCrossings();
  forgetRegions();
  // Other blocks come to the places of those that were compiled, and must warm up.
  if (load<u32>(HEAT_WANTED)) memory.fill(HEAT, 0, HEAT_ENTRIES * 2);
}

function forgetCrossings(): void {
  if (!load<u32>(HAS_CROSSINGS)) return;
  for (let i: u32 = 0; i < CROSSINGS; i++) store<u32>(crossings + i * CROSSING_BYTES, 0, 12);
  store<u32>(HAS_CROSSINGS, 0);
}

/** Turns a record into the end of a block that goes on at a page offset. `count`: instructions to account for. */
export function putNext(rec: usize, offset: u32, count: u32): void {
  memory.fill(rec, 0, RECORD_BYTES);
  store<u16>(rec, FORM_NEXT);
  store<u8>(rec, count, RecordField.Count);
  store<u16>(rec, offset, RecordField.PageOffset);
}

/**
 * Ends the running block after its current instruction, for good: a LOOK record follows, where the run loop looks at what is due and at the
 * code that is there then.
 * @returns false if the instruction ends its block itself.
 */
export function endBlock(current: usize): bool {
  if (load<u8>(ENDINGS + FORM(current))) return false;
  const following = current + RECORD_BYTES;
  putNext(following, load<u16>(following, RecordField.PageOffset), COUNT(current));
  store<u16>(following, FORM_LOOK);
  return true;
}

/** True if any of these bytes of RAM, within one page, may be decoded (`physical`: offset in RAM). */
export function holdsCode(physical: u32, size: u32): bool {
  const from = physical & 0xfff, to = min<u32>(from + size, 4096);
  let pieces: u64 = 0;
  for (let piece = from >> 6; piece <= (to - 1) >> 6; piece++) pieces |= (<u64>1) << piece;
  for (let index: usize = load<u32>(PAGE_MAP + (physical >> 12) * 4); index; index = load<u32>(index, IndexField.Next)) {
    if (load<u64>(index, IndexField.Pieces) & pieces) return true;
  }
  return false;
}

/**
 * Bytes of RAM have changed (`physical`: offset in RAM, within one page): decoded code in them is thrown away, and a block that is running
 * ends after its current instruction, which is what the manual promises for self-modifying code. SDM Volume 3 "Handling Self- and
 * Cross-Modifying Code".
 */
export function codeWritten(physical: u32, size: u32): void {
  if (holdsCode(physical, size)) forgetPage(physical >> 12);
}

/** Throws the decoded code of a page away. */
function forgetPage(page: u32): void {
  const place = PAGE_MAP + page * 4;
  let index = <usize>load<u32>(place);
  while (index) {
    const next = <usize>load<u32>(index, IndexField.Next);
    if (load<u32>(index, IndexField.HasRegions)) forgetRegions();
    store<u32>(index, load<u32>(FREE_INDEXES), IndexField.Next);
    store<u32>(FREE_INDEXES, <u32>index);
    index = next;
  }
  store<u32>(place, 0);
  forgetCrossings();
  const current = <usize>load<u32>(CURRENT_RECORD);
  if (current && !endBlock(current)) store<u32>(current, 0, RecordField.Link);
}
