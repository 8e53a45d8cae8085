// SPDX-License-Identifier: LGPL-2.1-only
// Watchpoints of the host's debugger. The processor stops after the instruction whose access met one, and the guest does not notice.
import {
  ATTENTION, ATTENTION_STOP, CARVE_OUT_GIB, CURRENT_RECORD, HIT, HIT_ACCESS, HIT_ACCESSED, HIT_ADDRESS, HIT_BYTES, HIT_RIP, HIT_STRUCTURE,
  HIT_WATCHPOINT, RAM, RAM_BYTES, SPACE_LINEAR, SPACE_MEMORY, WATCH_READ, WATCH_WRITE, WATCHPOINT_ACCESS, WATCHPOINT_BYTES,
  WATCHPOINT_COUNT, WATCHPOINT_FIRST, WATCHPOINT_LAST, WATCHPOINT_SPACE, WATCHPOINTS,
} from "../generated/layout";
import { RecordField } from "../generated/record_format";
import { endBlock } from "../code/code_pages";
import { isBounced, SLOT_FIRST, SLOT_IN_FIRST, SLOT_SECOND, slotWords } from "./bounce_slots";
import { READ, WRITE } from "../state/access_kind";
import { watchesAccesses } from "../state/debugger_stops";
import { currentRip } from "../state/instruction";

/** The first access of an instruction that meets a watchpoint counts. The running block ends behind the instruction. */
function note(hit: u32, watchpoint: u32, address: u64, size: u32, access: u32): void {
  if (load<u32>(HIT)) return;
  store<u32>(HIT, hit);
  store<u32>(HIT_WATCHPOINT, watchpoint);
  store<u32>(HIT_ACCESS, access);
  store<u32>(HIT_BYTES, size);
  store<u64>(HIT_ADDRESS, address);
  store<u64>(HIT_RIP, currentRip());
  store<u32>(ATTENTION, load<u32>(ATTENTION) | ATTENTION_STOP);
  const current = <usize>load<u32>(CURRENT_RECORD);
  if (current && !endBlock(current)) store<u32>(current, 0, RecordField.Link);
}
function watchRange(hit: u32, space: u32, address: u64, size: u32, access: u32): void {
  const last = address + size - 1;
  for (let i: u32 = 0, count = load<u32>(WATCHPOINT_COUNT); i < count; i++) {
    const entry = WATCHPOINTS + <usize>(i * WATCHPOINT_BYTES);
    if (load<u32>(entry, WATCHPOINT_SPACE) != space || !(load<u32>(entry, WATCHPOINT_ACCESS) & access)) continue;
    if (address <= load<u64>(entry, WATCHPOINT_LAST) && load<u64>(entry, WATCHPOINT_FIRST) <= last) note(hit, i, address, size, access);
  }
}
/** A piece of an operand that is not in one piece of RAM; a device's is not watched. */
function watchPhysical(pa: u64, size: u32, access: u32): void {
  const ram = <u64>load<u32>(RAM_BYTES), carveOut = <u64>CARVE_OUT_GIB << 30;
  if (pa < ram) watchRange(HIT_ACCESSED, SPACE_MEMORY, pa, size, access);
  else if (pa >= carveOut) watchRange(HIT_ACCESSED, SPACE_MEMORY, pa - carveOut + ram, size, access);
}
/** An access by linear address, whose place in the machine's memory is `host`, has been found to be possible. `kind`: READ, WRITE … */
export function watchAccess(ea: u64, size: u32, kind: u32, host: usize): void {
  const access: u32 = kind == READ ? WATCH_READ : kind == WRITE ? WATCH_WRITE : WATCH_READ | WATCH_WRITE;
  watchRange(HIT_ACCESSED, SPACE_LINEAR, ea, size, access);
  if (isBounced(host)) {
    const words = slotWords(host), first = load<u32>(words, SLOT_IN_FIRST);
    watchPhysical(load<u64>(words, SLOT_FIRST), first, access);
    if (first < size) watchPhysical(load<u64>(words, SLOT_SECOND), size - first, access);
  } else if (host >= RAM) watchRange(HIT_ACCESSED, SPACE_MEMORY, <u64>(host - RAM), size, access);
}
/** The processor itself has written to memory, at an offset in RAM. */
@inline export function watchStructure(offset: u32, size: u32): void {
  if (watchesAccesses()) watchRange(HIT_STRUCTURE, SPACE_MEMORY, <u64>offset, size, WATCH_WRITE);
}
