// SPDX-License-Identifier: LGPL-2.1-only
// Data and I/O breakpoints. SDM 3B "Debug Registers". A breakpoint that an access hits goes to DEBUG_TRAPS and is reported after the
// instruction.
import { CR4, DEBUG_TRAPS, DR0, DR7 } from "../generated/layout";
import { PAGE, READ } from "../state/access_kind";
import { Cr4, Dr7 } from "../generated/architecture";
import { fieldOf } from "../state/bit_field";
import { BREAKPOINTS_ENABLED } from "../state/masks";

/** Types of breakpoints. */
@inline const BREAK_WRITE: u32 = 1;
@inline const BREAK_PORT: u32 = 2;
@inline const BREAK_ACCESS: u32 = 3;
/** Whether DR7 enables breakpoint `i`, locally or globally. */
@inline export function isEnabled(dr7: u64, i: u32): bool { return (dr7 & (<u64>(Dr7.L0 | Dr7.G0) << (i * 2))) != 0; }
/** The bits of its type, and of type and length, which are both 0 of an instruction breakpoint. */
@inline function typeOf(dr7: u64, i: u32): u32 { return fieldOf(<u32>Dr7.ReadWrite0, <u32>(dr7 >> (i * 4))); }
@inline export function isOfInstruction(dr7: u64, i: u32): bool { return (dr7 & ((Dr7.ReadWrite0 | Dr7.Length0) << (i * 4))) == 0; }
function lengthOf(dr7: u64, i: u32): u64 {
  const code = fieldOf(<u32>Dr7.Length0, <u32>(dr7 >> (i * 4)));
  return code == 2 ? 8 : <u64>code + 1;
}
/** Data breakpoints that the access meets go to DEBUG_TRAPS. SDM 3B "Debug Control Register (DR7)". */
export function watch(ea: u64, size: u32, kind: u32): void {
  const dr7 = load<u64>(DR7);
  for (let i: u32 = 0; i < 4; i++) {
    if (!isEnabled(dr7, i)) continue;
    const type = typeOf(dr7, i);
    if (type != BREAK_ACCESS && !(type == BREAK_WRITE && kind != READ)) continue;
    const length = lengthOf(dr7, i), at = load<u64>(DR0 + i * 8) & ~(length - 1);
    if (ea < at + length && at < ea + size) store<u64>(DEBUG_TRAPS, load<u64>(DEBUG_TRAPS) | (1 << i));
  }
}
/** I/O breakpoints (CR4.DE) that an access to ports meets go to DEBUG_TRAPS. */
export function watchPort(port: u32, size: u32): void {
  const dr7 = load<u64>(DR7);
  if (!(dr7 & BREAKPOINTS_ENABLED) || !(load<u32>(CR4) & Cr4.DebuggingExtensions)) return;
  for (let i: u32 = 0; i < 4; i++) {
    if (!isEnabled(dr7, i) || typeOf(dr7, i) != BREAK_PORT) continue;
    const length = lengthOf(dr7, i), at = load<u64>(DR0 + i * 8) & ~(length - 1);
    if (<u64>port < at + length && at < <u64>(port + size)) store<u64>(DEBUG_TRAPS, load<u64>(DEBUG_TRAPS) | (1 << i));
  }
}
/** True if a data breakpoint lies in the page: it gets no tag then. */
export function watched(page: u64): bool {
  const dr7 = load<u64>(DR7);
  if (!(dr7 & BREAKPOINTS_ENABLED)) return false;
  for (let i: u32 = 0; i < 4; i++) if (isEnabled(dr7, i) && (load<u64>(DR0 + i * 8) & PAGE) == page) return true;
  return false;
}
