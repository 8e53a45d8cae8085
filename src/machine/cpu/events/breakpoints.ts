// SPDX-License-Identifier: LGPL-2.1-only
// Data and I/O breakpoints. SDM 3B "Debug Registers". A breakpoint that an access hits goes to DEBUG_TRAPS and is reported after the
// instruction.
import { CR4, DEBUG_TRAPS, DR0, DR7 } from "../generated/layout";
import { PAGE, READ } from "../state/access_kind";
import { Cr4 } from "../generated/architecture";

/** Data breakpoints that the access meets go to DEBUG_TRAPS. SDM 3B "Debug Control Register (DR7)". */
export function watch(ea: u64, size: u32, kind: u32): void {
  const dr7 = load<u64>(DR7);
  for (let i: u32 = 0; i < 4; i++) {
    if (!((dr7 >> (i * 2)) & 3)) continue;
    const type = <u32>(dr7 >> (16 + i * 4)) & 3, code = <u32>(dr7 >> (18 + i * 4)) & 3;
    if (type != 3 && !(type == 1 && kind != READ)) continue;
    const length: u64 = code == 2 ? 8 : <u64>code + 1, at = load<u64>(DR0 + i * 8) & ~(length - 1);
    if (ea < at + length && at < ea + size) store<u64>(DEBUG_TRAPS, load<u64>(DEBUG_TRAPS) | (1 << i));
  }
}
/** I/O breakpoints (CR4.DE) that an access to ports meets go to DEBUG_TRAPS. */
export function watchPort(port: u32, size: u32): void {
  const dr7 = load<u64>(DR7);
  if (!(dr7 & 0xff) || !(load<u32>(CR4) & Cr4.DebuggingExtensions)) return;
  for (let i: u32 = 0; i < 4; i++) {
    if (!((dr7 >> (i * 2)) & 3) || ((dr7 >> (16 + i * 4)) & 3) != 2) continue;
    const code = <u32>(dr7 >> (18 + i * 4)) & 3, length: u64 = code == 2 ? 8 : <u64>code + 1, at = load<u64>(DR0 + i * 8) & ~(length - 1);
    if (<u64>port < at + length && at < <u64>(port + size)) store<u64>(DEBUG_TRAPS, load<u64>(DEBUG_TRAPS) | (1 << i));
  }
}
/** True if a data breakpoint lies in the page: it gets no tag then. */
export function watched(page: u64): bool {
  const dr7 = load<u64>(DR7);
  if (!(dr7 & 0xff)) return false;
  for (let i: u32 = 0; i < 4; i++) if (((dr7 >> (i * 2)) & 3) != 0 && (load<u64>(DR0 + i * 8) & PAGE) == page) return true;
  return false;
}
