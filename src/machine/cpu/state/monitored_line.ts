// SPDX-License-Identifier: LGPL-2.1-only
// The line of memory that MONITOR armed, and the wait of MWAIT for a write to it: SDM 3A "MONITOR/MWAIT Instruction", SDM 3C "Clearing
// Address-Range Monitoring". Writes to the line's page come to the slow path, which calls noteWrite(), as long as the line is armed.
import { ACTIVITY, ACTIVITY_MWAIT, MONITOR_ADDRESS, MONITOR_LINE_BYTES } from "../generated/layout";
import { ActivityState } from "../generated/architecture";
import { NONE } from "./access_kind";

/** True while a line is armed. */
@inline export function isArmed(): bool { return load<u64>(MONITOR_ADDRESS) != NONE; }
/** Arms the line of an offset in RAM. The caller sees to it that writes come to the slow path. */
export function armLine(offset: u32): void { store<u64>(MONITOR_ADDRESS, <u64>(offset & ~(MONITOR_LINE_BYTES - 1))); }
/** No line is armed any more. A wait for it ends at the next boundary. */
@inline export function disarm(): void { store<u64>(MONITOR_ADDRESS, NONE); }
/** True if a page of RAM (number from RAM's start) holds the armed line: writes to it must come to the slow path. */
@inline export function isMonitored(page: u32): bool { return load<u64>(MONITOR_ADDRESS) >> 12 == <u64>page; }
/** Bytes of RAM are written (`offset` in RAM): the monitor is triggered if they touch its line. */
export function noteWrite(offset: u32, size: u32): void {
  const line = load<u64>(MONITOR_ADDRESS);
  if (line != NONE && <u64>offset < line + MONITOR_LINE_BYTES && <u64>offset + size > line) disarm();
}
/** True while MWAIT waits. */
@inline export function isWaiting(): bool { return load<u32>(ACTIVITY) >= ACTIVITY_MWAIT; }
/** Ends a wait of MWAIT, if there is one, and the monitoring. */
export function leaveWait(): void {
  disarm();
  if (isWaiting()) store<u32>(ACTIVITY, ActivityState.Active);
}
