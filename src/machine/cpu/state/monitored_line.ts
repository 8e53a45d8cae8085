// SPDX-License-Identifier: LGPL-2.1-only
// The line of memory that MONITOR armed, and the wait of MWAIT for a write to it: SDM 3A "MONITOR/MWAIT Instruction", SDM 3C "Clearing
// Address-Range Monitoring". Writes to the line's page come to the slow path, which calls noteWrite(), as long as the line is armed.
import {
  ACTIVITY, ACTIVITY_MWAIT, MONITOR_ADDRESS, MONITOR_LINE_BYTES, PROCESSOR_COUNT, PROCESSOR_ID,
} from "../generated/layout";
import { ActivityState } from "../generated/architecture";
import { NONE } from "./access_kind";
import { parked } from "./parked_block";

/** True while a line is armed. */
@inline export function isArmed(): bool { return load<u64>(MONITOR_ADDRESS) != NONE; }
/** Arms the line of an offset in RAM. The caller makes its writes come to the slow path. */
export function armLine(offset: u32): void { store<u64>(MONITOR_ADDRESS, <u64>(offset & ~(MONITOR_LINE_BYTES - 1))); }
/** No line is armed any more. A wait for it ends at the next boundary. */
@inline export function disarm(): void { store<u64>(MONITOR_ADDRESS, NONE); }
/** Where a processor's word MONITOR_ADDRESS is. */
@inline function monitorOf(processor: u32): usize {
  return processor == load<u32>(PROCESSOR_ID) ? MONITOR_ADDRESS : parked(processor, MONITOR_ADDRESS);
}
/** True if a page of RAM (number from RAM's start) holds a line that a processor armed: writes to it must come to the slow path. */
export function isMonitored(page: u32): bool {
  for (let processor: u32 = 0; processor < load<u32>(PROCESSOR_COUNT); processor++) {
    if (load<u64>(monitorOf(processor)) >> 12 == <u64>page) return true;
  }
  return false;
}
/** Bytes of RAM are written (`offset` in RAM): each processor's monitor is triggered if they touch its line. */
export function noteWrite(offset: u32, size: u32): void {
  for (let processor: u32 = 0; processor < load<u32>(PROCESSOR_COUNT); processor++) {
    const word = monitorOf(processor), line = load<u64>(word);
    if (line != NONE && <u64>offset < line + MONITOR_LINE_BYTES && <u64>offset + size > line) store<u64>(word, NONE);
  }
}
/** True while MWAIT waits. */
@inline export function isWaiting(): bool { return load<u32>(ACTIVITY) >= ACTIVITY_MWAIT; }
/** Ends a wait of MWAIT, if there is one, and the monitoring. */
export function leaveWait(): void {
  disarm();
  if (isWaiting()) store<u32>(ACTIVITY, ActivityState.Active);
}
