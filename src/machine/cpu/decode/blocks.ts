// SPDX-License-Identifier: LGPL-2.1-only
// Blocks of decoded code: found by RIP, decoded on their first use. code_pages.ts keeps them.
// An instruction that crosses a page runs as its own block. Bytes outside RAM (devices, the open bus), and pages in which the code segment
// ends, are decoded again at each visit, one instruction at a time.
import { decodeInstruction, needsMore } from "./decode";
import { ENDINGS, FORM_REGION } from "../generated/decoder_tables";
import {
  CS_BASE, CS_LIMIT, DECODE_CODE, DECODE_CODE64, DECODE_MODE, HAS_CROSSINGS, PAGE_MAP, PAGE_RIP, RAM, RECORD_NEXT,
  LONGEST_INSTRUCTION,
} from "../generated/layout";
import { fetchedPhysical, fetchSlow } from "../memory/fetch";
import { GP } from "../generated/architecture";
import { IndexField, RECORD_BYTES, RecordField } from "../generated/record_format";
import {
  CROSSING_BYTES, crossings, CROSSINGS, enter, indexOf, mark, putNext, reserve,
} from "../code/code_pages";
import { COUNT, FORM, LENGTH, LINK } from "../code/record";
import { raiseCode } from "../events/raise";
import { readPhysical } from "../physical/physical_memory";
import { PAGE } from "../state/access_kind";
import { breaksAt } from "../state/debugger_stops";
import { fetchBase } from "../tlb/context";

/** Longest block: one NEXT record after it fits in the count's eight bits. */
@inline const LONGEST: u32 = 62;

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

/**
 * Record of the instruction at `rip`, the head of a block; decoded on first use. Sets PAGE_RIP. Fetch faults are raised: CURRENT_RECORD
 * must be 0.
 */
export function find(rip: u64): usize {
  const mode = load<u32>(DECODE_MODE), page = locate(rip, mode), linear = located, host = fetchHost(linear);
  store<u64>(PAGE_RIP, page);
  if (!host || endsHere()) return visit(linear, host, mode);
  const physical = <u32>(host - RAM);
  let index: usize = load<u32>(PAGE_MAP + (physical >> 12) * 4);
  while (index) {
    if (load<u32>(index, IndexField.Mode) == mode) {
      const rec: usize = load<u32>(index + (physical & 0xfff) * 4, IndexField.Heads);
      if (rec) return rec;
      break;
    }
    index = load<u32>(index, IndexField.Next);
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
  for (let index: usize = load<u32>(PAGE_MAP + (physical >> 12) * 4); index; index = load<u32>(index, IndexField.Next)) {
    if (load<u32>(index, IndexField.Mode) != mode) continue;
    const rec: usize = load<u32>(index + offset * 4, IndexField.Heads);
    if (rec) return FORM(rec) == FORM_REGION ? LINK(rec) : rec;
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

/** Whether `findOne` found the head of a block that has at most so many instructions. */
export function isBlockWithin(head: usize, most: i32): bool {
  if (head == single) return false;
  for (let rec = head, count = 1; count <= most; rec += RECORD_BYTES, count++) {
    // A NEXT record, which ends a block too, counts the instructions before it.
    if (COUNT(rec) != count || load<u8>(ENDINGS + FORM(rec)) != 0) return true;
  }
  return false;
}

/** Bytes of an instruction that is not decoded in place: up to the end of its page, and in the next page. */
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
 * A block of the one instruction at a linear address, decoded for this visit. `host`: its first byte, 0 if that is not RAM. As a processor
 * may, it reads more bytes from a device than the instruction has.
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

/** True if a block ends before an offset: another one begins there, or the debugger wants to look. */
@inline function endsBefore(index: usize, offset: u32): bool {
  return load<u32>(index + offset * 4, IndexField.Heads) != 0 || breaksAt(<u64>offset);
}
/** Decodes the block that begins at a linear address, and enters its head in the page's index. */
function decodeBlock(linear: u64, host: usize, physical: u32, mode: u32): usize {
  const start = physical & 0xfff;
  reserve();
  const index = indexOf(physical, mode), page = host - start, first = <usize>load<u32>(RECORD_NEXT);
  let offset = start, rec = first, count: u32 = 0;
  for (;;) {
    if (count == LONGEST || offset >= 4096 || (count > 0 && endsBefore(index, offset))) break;
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
    mark(indexOf(second, mode), 0, LONGEST_INSTRUCTION);
    store<u64>(place, key);
    store<u32>(place, second, 8);
    store<u32>(place, 1, 12);
    store<u32>(HAS_CROSSINGS, 1);
  }
  checkRoom(rec);
  return rec;
}
