// SPDX-License-Identifier: LGPL-2.1-only
// The stacks that a TSS names for the inner privilege levels: SDM 3A "Stack Switching", "Stack Switching in IA-32e Mode".
import { raiseCode } from "../events/raise";
import { SS_FAULT, TS } from "../generated/architecture";
import { TR_BASE, TR_LIMIT, TR_RIGHTS, TR_SELECTOR } from "../generated/layout";
import { readSystem } from "../memory/system_access";
import { fetchDescriptor, rightsOf } from "./descriptors";

/** A stack pointer of the 64-bit TSS. */
export function tssStack(offset: u32): u64 {
  if (offset + 7 > load<u32>(TR_LIMIT)) raiseCode(TS, load<u32>(TR_SELECTOR) & 0xfffc);
  return readSystem<u64>(load<u64>(TR_BASE) + offset);
}

/** Results of `innerStack`: selector, raw descriptor and pointer of the stack. */
export let innerSs: u32 = 0;
export let innerSsRaw: u64 = 0;
export let innerSp: u64 = 0;
/** Finds the stack of an inner privilege level in the TSS and checks its segment: #TS, or #SS if it is not present. */
export function innerStack(cpl: u32): void {
  const tr = load<u32>(TR_SELECTOR) & 0xfffc, wide = (load<u32>(TR_RIGHTS) & 8) != 0, at = wide ? 4 + cpl * 8 : 2 + cpl * 4;
  if (<u32>at + (wide ? 5 : 3) > load<u32>(TR_LIMIT)) raiseCode(TS, tr);
  const base = load<u64>(TR_BASE) + at;
  innerSp = wide ? <u64>readSystem<u32>(base) : <u64>readSystem<u16>(base);
  innerSs = <u32>readSystem<u16>(base + (wide ? 4 : 2));
  if (!(innerSs & 0xfffc)) raiseCode(TS, 0);
  innerSsRaw = fetchDescriptor(innerSs, TS);
  const rights = rightsOf(innerSsRaw);
  if ((innerSs & 3) != cpl || ((rights >> 5) & 3) != cpl || (rights & 0x1a) != 0x12) raiseCode(TS, innerSs & 0xfffc);
  if (!(rights & 0x80)) raiseCode(SS_FAULT, innerSs & 0xfffc);
}
