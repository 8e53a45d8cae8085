// SPDX-License-Identifier: LGPL-2.1-only
// Accesses to system structures: descriptor tables, TSS, stacks of inner privilege levels. They are made as supervisor, whatever CPL is.
// SDM 3A "Paging", "Determination of Access Rights".
import { BOUNCE, EFER } from "../generated/layout";
import { PAGE, READ, SUPERVISOR, WRITE } from "../state/access_kind";
import { openPages } from "./operand";
import { canonical, resolve } from "../translation/paging";
import { GP, Efer } from "../generated/architecture";
import { raiseCode } from "../events/raise";
import { flushBounce } from "../physical/physical_memory";
import { dataTlb, slot } from "../tlb/context";
import { translates } from "../tlb/tlb";

/** Reads a system structure (descriptor tables, TSS) as supervisor, whatever CPL is. */
export function readSystem<T>(ea: u64): T {
  const at = systemAddress(ea);
  return load<T>(openPages(at, systemAddress(at + (sizeof<T>() - 1)), <u32>sizeof<T>(), READ, SUPERVISOR));
}
/** Writes a system structure, or a stack of an inner privilege level. */
export function writeSystem<T>(ea: u64, v: T): void {
  const at = systemAddress(ea);
  const p = openPages(at, systemAddress(at + (sizeof<T>() - 1)), <u32>sizeof<T>(), WRITE, SUPERVISOR);
  store<T>(p, v);
  if (p - BOUNCE < 64) flushBounce(p);
}
/** Raises what writing `size` bytes there would raise; `size` ≤ 4096. */
export function probeSystem(ea: u64, size: u32): void {
  const at = systemAddress(ea), last = systemAddress(at + size - 1);
  openProbe(at);
  if ((at & PAGE) != (last & PAGE)) openProbe(last & PAGE);
}
function openProbe(at: u64): void { if (!translates(slot(dataTlb(SUPERVISOR), at), at & PAGE, true)) resolve(at, WRITE, SUPERVISOR); }
/** System addresses wrap at 4 GiB outside IA-32e mode; in it a non-canonical one is #GP(0). */
function systemAddress(ea: u64): u64 {
  if (!(load<u32>(EFER) & Efer.Lma)) return ea & 0xffffffff;
  if (!canonical(ea)) raiseCode(GP, 0);
  return ea;
}
