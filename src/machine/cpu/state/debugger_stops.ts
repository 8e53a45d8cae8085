// SPDX-License-Identifier: LGPL-2.1-only
// What the host's debugger wants to stop at, as words. No guest can see them.
import { BREAK_OFFSETS, HIT, HIT_ACCESSED, WATCHPOINT_COUNT } from "../generated/layout";

/** True if a breakpoint is at this offset of some page: decoded blocks end there, and no block links to it. */
@inline export function breaksAt(linear: u64): bool {
  return (load<u8>(BREAK_OFFSETS + (<usize>(linear & 0xfff) >> 3)) & (1 << (<u32>linear & 7))) != 0;
}
/** True while data accesses are watched: all of them take the slow path then. */
@inline export function watchesAccesses(): bool { return load<u32>(WATCHPOINT_COUNT) != 0; }
/** The current instruction does not complete: its accesses did not happen. */
@inline export function dropAccess(): void { if (load<u32>(HIT) == HIT_ACCESSED) store<u32>(HIT, 0); }
