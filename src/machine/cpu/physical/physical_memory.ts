// SPDX-License-Identifier: LGPL-2.1-only
// Accesses to physical addresses, devices included. An operand that is not in one piece of RAM goes by way of a bounce slot.
import { FIRST_ENDING_FORM } from "../generated/decoder_tables";
import { BOUNCE, BOUNCE_WORDS, CURRENT_RECORD, PAGE_MAP, RAM } from "../generated/layout";
import { BOUNCE_SLOTS, SLOT_BYTES, SLOT_FIRST, SLOT_IN_FIRST, SLOT_SECOND, SLOT_SIZE, SLOT_WORD_BYTES } from "./bounce_slots";
import { WRITE } from "../state/access_kind";
import { codeWritten, endBlock } from "../code/code_pages";
import { FORM } from "../code/record";
import { restartStepping } from "../events/raise";
import { accessedHost, markDirty } from "./ram";
import { stepping } from "../state/instruction";
import { noteWrite } from "../state/monitored_line";

@external("env", "mmioRead") declare function mmioRead(address: f64, size: u32): u32;
@external("env", "mmioWrite") declare function mmioWrite(address: f64, size: u32, value: u32): void;

/** True after an access to a device, until the next watchDevices(): a repeated string instruction goes on with the next element later. */
export let deviceTouched: bool = false;
export function watchDevices(): void { deviceTouched = false; }
/**
 * Before the current instruction touches a device. Count of instructions and time are exact inside a block too. But what the device asks
 * for, such as an interrupt, is due right behind the instruction. So the block ends there, unless the run loop looks there anyway. Behind
 * a branch that may be linked, the run loop does not look: such an instruction begins again as a separate step.
 */
function settle(current: usize): void {
  if (current && FORM(current) < FIRST_ENDING_FORM && !endBlock(current)) restartStepping();
}
/** The current instruction touches a device, or something else that asks for what is due right behind the instruction. */
export function touchDevice(): void {
  if (!stepping) settle(load<u32>(CURRENT_RECORD));
  deviceTouched = true;
}
let nextBounce: u32 = 0;
/** A bounce slot for an operand in one or two pieces; its old value is read in if wanted. */
export function bounce(first: u64, second: u64, inFirst: u32, size: u32, kind: u32): usize {
  if (!accessedHost(first) || (inFirst < size && !accessedHost(second))) touchDevice();
  const i = nextBounce++ % BOUNCE_SLOTS, at = BOUNCE + i * SLOT_BYTES, words = BOUNCE_WORDS + i * SLOT_WORD_BYTES;
  store<u64>(words, first, SLOT_FIRST);
  store<u64>(words, second, SLOT_SECOND);
  store<u32>(words, size, SLOT_SIZE);
  store<u32>(words, inFirst, SLOT_IN_FIRST);
  if (kind != WRITE) {
    readPhysical(first, at, inFirst);
    if (inFirst < size) readPhysical(second, at + inFirst, size - inFirst);
  }
  return at;
}
/** Writes a bounce slot to where it belongs. */
export function flushBounce(p: usize): void {
  const i = (p - BOUNCE) / SLOT_BYTES, at = BOUNCE + i * SLOT_BYTES, words = BOUNCE_WORDS + i * SLOT_WORD_BYTES;
  const size = load<u32>(words, SLOT_SIZE), inFirst = load<u32>(words, SLOT_IN_FIRST);
  writePhysical(load<u64>(words, SLOT_FIRST), at, inFirst);
  if (inFirst < size) writePhysical(load<u64>(words, SLOT_SECOND), at + inFirst, size - inFirst);
}
/** Largest naturally aligned piece, at most 4 bytes. */
function piece(pa: u64, n: u32): u32 {
  if (pa % 4 == 0 && n >= 4) return 4;
  return !(pa & 1) && n >= 2 ? 2 : 1;
}
/** Copies physical memory or device registers into the machine's memory. */
export function readPhysical(pa: u64, to: usize, n: u32): void {
  const host = accessedHost(pa);
  if (host) { memory.copy(to, host, n); return; }
  for (let done: u32 = 0; done < n;) {
    const size = piece(pa + done, n - done), v = mmioRead(<f64>(pa + done), size);
    if (size == 4) store<u32>(to + done, v); else if (size == 2) store<u16>(to + done, <u16>v); else store<u8>(to + done, <u8>v);
    done += size;
  }
}
/** The inverse; it updates decoded code and the dirty map. */
export function writePhysical(pa: u64, from: usize, n: u32): void {
  const host = accessedHost(pa);
  if (host) {
    memory.copy(host, from, n);
    markDirty(host);
    noteWrite(<u32>(host - RAM), n);
    if (load<u32>(PAGE_MAP + ((host - RAM) >> 12) * 4)) codeWritten(<u32>(host - RAM), n);
    return;
  }
  for (let done: u32 = 0; done < n;) {
    const size = piece(pa + done, n - done);
    mmioWrite(<f64>(pa + done), size, size == 4 ? load<u32>(from + done) : size == 2 ? load<u16>(from + done) : load<u8>(from + done));
    done += size;
  }
}
