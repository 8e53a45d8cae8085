// SPDX-License-Identifier: LGPL-2.1-only
// Where decoded code is kept: for each physical page a chain of indexes, one for each DECODE_MODE it ran in, which hold the heads of blocks by
// page offset. Pages with an index have no write tag in any TLB, so that every write to them comes to codeWritten().
//   index: u32 DECODE_MODE @0, u32 next index @4, u64 bit set of 64-byte pieces that hold decoded bytes @8, 4096 × u32 records @32
// An instruction that crosses a page is in no index: it is kept in a small cache that knows both pages, and runs as a block of its own.
// Bytes outside RAM (devices, the open bus), and pages in which the code segment ends, are decoded anew at each visit, one instruction at a time.
// When the space is used up everything is thrown away.
import { fetchBase } from "../memory/access";
import { decodeInstruction, needsMore } from "./decode";
import { ENDINGS, FORM_NEXT } from "../generated/decoder_tables";
import { raiseCode } from "../events/interrupt";
import {
  CS_BASE, CS_LIMIT, CURRENT_RECORD, DECODE_CODE, DECODE_CODE64, DECODE_MODE, FREE_INDEXES, HAS_CROSSINGS, PAGE_MAP, PAGE_RIP, RAM,
  RAM_BYTES, RECORD_GENERATION, RECORD_NEXT, RECORDS, RECORDS_END,
} from "../generated/layout";
import { fetchedPhysical, fetchSlow } from "../memory/fetch";
import { readPhysical } from "../memory/physical_memory";
import { protectPage } from "../translation/tlb";
import { BLOCK, COUNT, LENGTH } from "./record";
import { GP } from "../generated/architecture";
import { RECORD_BYTES, RecordField } from "../generated/record_format";

@inline const PAGE: u64 = 0xfffffffffffff000;
@inline const HEADER: usize = 32;
@inline const INDEX_BYTES: usize = 4096 * 4 + 32;
@inline const CARVE_OUT: u32 = 0x4000000;
/** Longest block: one NEXT record fits behind it in the count's eight bits. */
@inline const LONGEST: u32 = 62;
@inline const MAX_LENGTH: u32 = 15;

// Cache of instructions that cross a page: 256 × { u64 physical address << 8 | mode @0, u32 second page @8, u32 valid @12, two records @32 }
@inline const CROSSINGS: u32 = 256;
@inline const CROSSING_BYTES: u32 = 96;
const crossings: usize = memory.data(256 * 96, 16);

/** True for a record that must not be linked to: it lies in the cache of crossing instructions. */
@inline export function isCrossing(rec: usize): bool { return rec < RECORDS; }

/** Host address of the instruction byte at a linear address, 0 if it is not RAM (see fetchSlow). Faults as a fetch does. */
@inline function fetchHost(linear: u64): usize {
  const entry = fetchBase + ((<usize>(linear >> 12) & 1023) << 5);
  if (load<u64>(entry) == (linear & PAGE)) return <usize>linear + <usize>load<u32>(entry, 24);
  return fetchSlow(linear);
}

/** Bytes from RIP to the end of the code segment, less 1; all ones in 64-bit mode. */
let room: u64 = 0;
/** Linear address of `rip`, with `room`; sets PAGE_RIP. #GP(0) beyond the segment's limit. */
@inline function locate(rip: u64, mode: u32): u64 {
  let linear = rip, base: u64 = 0;
  if ((mode & DECODE_CODE) == DECODE_CODE64) room = ~(<u64>0);
  else {
    const limit = <u64>load<u32>(CS_LIMIT);
    if (rip > limit) raiseCode(GP, 0);
    room = limit - rip;
    base = load<u64>(CS_BASE);
    linear = <u64><u32>(rip + base);
  }
  located = linear;
  return (linear & PAGE) - base;
}
let located: u64 = 0;
/** True if the segment ends in the page of `located`: then no block of that page may run as a whole. */
@inline function endsHere(): bool { return room < 4095 - (located & 4095); }

/** Record of the instruction at `rip`, the head of a block; decoded on first use. Sets PAGE_RIP. Fetch faults are raised: CURRENT_RECORD must be 0. */
export function find(rip: u64): usize {
  const mode = load<u32>(DECODE_MODE), page = locate(rip, mode), linear = located, host = fetchHost(linear);
  store<u64>(PAGE_RIP, page);
  if (!host || endsHere()) return visit(linear, host, mode);
  const physical = <u32>(host - RAM);
  let index: usize = load<u32>(PAGE_MAP + (physical >> 12) * 4);
  while (index) {
    if (load<u32>(index) == mode) {
      const rec: usize = load<u32>(index + HEADER + (physical & 0xfff) * 4);
      if (rec) return rec;
      break;
    }
    index = load<u32>(index, 4);
  }
  return decodeBlock(linear, host, physical, mode);
}

const single: usize = memory.data(64, 16);

/** Record of the one instruction at `rip`: that of a block's head, or one that is decoded for this call only. For steps; sets PAGE_RIP. */
export function findOne(rip: u64): usize {
  const mode = load<u32>(DECODE_MODE), page = locate(rip, mode), linear = located, host = fetchHost(linear);
  store<u64>(PAGE_RIP, page);
  if (!host || endsHere()) return visit(linear, host, mode);
  const physical = <u32>(host - RAM), offset = physical & 0xfff;
  for (let index: usize = load<u32>(PAGE_MAP + (physical >> 12) * 4); index; index = load<u32>(index, 4)) {
    if (load<u32>(index) != mode) continue;
    const rec: usize = load<u32>(index + HEADER + offset * 4);
    if (rec) return rec;
    break;
  }
  decodeInstruction(single, host, 4096 - offset, 0, offset, mode);
  if (needsMore) {
    reserve();
    return crossing(linear, host, physical, mode);
  }
  store<u8>(single, 1, RecordField.Count);
  return single;
}

/** Bytes of an instruction that is not decoded in place: up to the end of its page, and in the page behind it. */
const window: usize = memory.data(32, 16);
@inline const WINDOW: u32 = 16;

/** The next page of an instruction that crosses. #GP(0) if the code segment ends before it. */
function nextPage(linear: u64, mode: u32): u64 {
  if (room < 4096 - (linear & 4095)) raiseCode(GP, 0);
  const next = (linear & PAGE) + 4096;
  return (mode & DECODE_CODE) != DECODE_CODE64 ? <u64><u32>next : next;
}
/** #GP(0) if the instruction goes beyond the end of the code segment. */
@inline function checkRoom(rec: usize): void { if (<u64>LENGTH(rec) - 1 > room) raiseCode(GP, 0); }

/**
 * A block of the one instruction at a linear address, decoded for this visit. `host`: its first byte, 0 if that is not RAM. As a processor may,
 * it reads more bytes from a device than the instruction has.
 */
function visit(linear: u64, host: usize, mode: u32): usize {
  const offset = <u32>linear & 0xfff, count = min<u32>(4096 - offset, WINDOW);
  if (host) memory.copy(window, host, count); else readPhysical(fetchedPhysical, window, count);
  decodeInstruction(single, window, count, 0, offset, mode);
  if (needsMore) {
    const more = fetchHost(nextPage(linear, mode));
    if (more) memory.copy(window + WINDOW, more, WINDOW); else readPhysical(fetchedPhysical, window + WINDOW, WINDOW);
    decodeInstruction(single, window, count, window + WINDOW, offset, mode);
  }
  checkRoom(single);
  finishSingle(single, offset);
  return single;
}
/** Makes a block of one record. */
function finishSingle(rec: usize, offset: u32): void {
  store<u8>(rec, 1, RecordField.Count);
  const ending = load<u8>(ENDINGS + load<u16>(rec));
  putNext(rec + RECORD_BYTES, offset + load<u8>(rec, RecordField.Length), ending == 1 ? 0 : 1);
}

/** The index of a page for a mode, made when there is none. */
function indexOf(physical: u32, mode: u32): usize {
  const place = PAGE_MAP + (physical >> 12) * 4, first = <usize>load<u32>(place);
  for (let index = first; index; index = load<u32>(index, 4)) if (load<u32>(index) == mode) return index;
  let made = <usize>load<u32>(FREE_INDEXES);
  if (made) store<u32>(FREE_INDEXES, load<u32>(made, 4));
  else {
    made = load<u32>(RECORD_NEXT);
    store<u32>(RECORD_NEXT, <u32>(made + INDEX_BYTES));
  }
  memory.fill(made, 0, INDEX_BYTES);
  store<u32>(made, mode);
  store<u32>(made, <u32>first, 4);
  store<u32>(place, <u32>made);
  if (!first) protectPage(physical >> 12);
  return made;
}

/** Notes that the bytes from..to - 1 of a page are decoded. */
function mark(index: usize, from: u32, to: u32): void {
  let pieces = load<u64>(index, 8);
  for (let piece = from >> 6; piece <= (to - 1) >> 6; piece++) pieces |= (<u64>1) << piece;
  store<u64>(index, pieces, 8);
}

/** Makes room for two indexes and a block, throwing everything away if there is none. */
function reserve(): void {
  if (<usize>load<u32>(RECORD_NEXT) + 2 * INDEX_BYTES + <usize>(BLOCK + 2) * RECORD_BYTES > RECORDS_END) flushCode();
}

/** Forgets all decoded code. Must not be called while a block runs. */
export function flushCode(): void {
  memory.fill(PAGE_MAP, 0, <usize>((load<u32>(RAM_BYTES) + CARVE_OUT) >> 12) * 4);
  store<u32>(RECORD_NEXT, <u32>RECORDS);
  store<u32>(RECORD_GENERATION, load<u32>(RECORD_GENERATION) + 1);
  store<u32>(FREE_INDEXES, 0);
  forgetCrossings();
}

function forgetCrossings(): void {
  if (!load<u32>(HAS_CROSSINGS)) return;
  for (let i: u32 = 0; i < CROSSINGS; i++) store<u32>(crossings + i * CROSSING_BYTES, 0, 12);
  store<u32>(HAS_CROSSINGS, 0);
}

/** Turns a record into the end of a block that goes on at a page offset. `count`: instructions to account for. */
function putNext(rec: usize, offset: u32, count: u32): void {
  memory.fill(rec, 0, RECORD_BYTES);
  store<u16>(rec, FORM_NEXT);
  store<u8>(rec, count, RecordField.Count);
  store<u16>(rec, offset, RecordField.PageOffset);
}

/** Decodes the block that begins at a linear address, and enters its head in the page's index. */
function decodeBlock(linear: u64, host: usize, physical: u32, mode: u32): usize {
  const start = physical & 0xfff;
  reserve();
  const index = indexOf(physical, mode), page = host - start, first = <usize>load<u32>(RECORD_NEXT);
  let offset = start, rec = first, count: u32 = 0;
  for (;;) {
    if (count == LONGEST || offset >= 4096 || (count > 0 && load<u32>(index + HEADER + offset * 4))) break;
    decodeInstruction(rec, page + offset, 4096 - offset, 0, offset, mode);
    if (needsMore) {
      if (count == 0) return crossing(linear, page + offset, physical, mode);
      break;
    }
    count++;
    store<u8>(rec, count, RecordField.Count);
    offset += load<u8>(rec, RecordField.Length);
    const ending = load<u8>(ENDINGS + load<u16>(rec));
    rec += RECORD_BYTES;
    if (ending == 2) { enter(index, start, offset, first, rec); return first; }
    if (ending == 1) { count = 0; break; }
  }
  putNext(rec, offset, count);
  enter(index, start, offset, first, rec + RECORD_BYTES);
  return first;
}

@inline function enter(index: usize, start: u32, end: u32, first: usize, next: usize): void {
  store<u32>(index + HEADER + start * 4, <u32>first);
  store<u32>(RECORD_NEXT, <u32>next);
  mark(index, start, min<u32>(end, 4096));
}

/** The block of one instruction that crosses into the next page. Faults in the next page are raised with its first address. */
function crossing(linear: u64, at: usize, physical: u32, mode: u32): usize {
  const offset = physical & 0xfff, left = 4096 - offset, more = fetchHost(nextPage(linear, mode));
  if (!more) return visit(linear, at, mode);
  const second = <u32>(more - RAM), key = (<u64>physical << 8) | <u64>mode;
  const place = crossings + ((physical >> 12) & (CROSSINGS - 1)) * CROSSING_BYTES, rec = place + 32;
  if (!(load<u32>(place, 12) && load<u64>(place) == key && load<u32>(place, 8) == second)) {
    decodeInstruction(rec, at, left, more, offset, mode);
    finishSingle(rec, offset);
    mark(indexOf(physical, mode), offset, 4096);
    mark(indexOf(second, mode), 0, MAX_LENGTH);
    store<u64>(place, key);
    store<u32>(place, second, 8);
    store<u32>(place, 1, 12);
    store<u32>(HAS_CROSSINGS, 1);
  }
  checkRoom(rec);
  return rec;
}

/** True if any of these bytes of RAM, within one page, may be decoded (`physical`: offset in RAM). */
export function holdsCode(physical: u32, size: u32): bool {
  const from = physical & 0xfff, to = min<u32>(from + size, 4096);
  let pieces: u64 = 0;
  for (let piece = from >> 6; piece <= (to - 1) >> 6; piece++) pieces |= (<u64>1) << piece;
  for (let index: usize = load<u32>(PAGE_MAP + (physical >> 12) * 4); index; index = load<u32>(index, 4)) {
    if (load<u64>(index, 8) & pieces) return true;
  }
  return false;
}

/**
 * Bytes of RAM have changed (`physical`: offset in RAM, within one page): decoded code in them is thrown away, and a block that is running ends
 * after its current instruction, which is what the manual promises for self-modifying code. SDM Volume 3 "Handling Self- and Cross-Modifying Code".
 */
export function codeWritten(physical: u32, size: u32): void {
  if (holdsCode(physical, size)) forgetPage(physical >> 12);
}

/** Throws the decoded code of a page away. */
function forgetPage(page: u32): void {
  const place = PAGE_MAP + page * 4;
  let index = <usize>load<u32>(place);
  while (index) {
    const next = <usize>load<u32>(index, 4);
    store<u32>(index, load<u32>(FREE_INDEXES), 4);
    store<u32>(FREE_INDEXES, <u32>index);
    index = next;
  }
  store<u32>(place, 0);
  forgetCrossings();
  const current = <usize>load<u32>(CURRENT_RECORD);
  if (!current) return;
  store<u32>(current, 0, RecordField.Link);
  const following = current + RECORD_BYTES;
  if (COUNT(following) == COUNT(current) + 1) putNext(following, load<u16>(following, RecordField.PageOffset), COUNT(current));
}
