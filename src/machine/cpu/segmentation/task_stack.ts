// SPDX-License-Identifier: LGPL-2.1-only
// The stacks that a TSS names for the inner privilege levels: SDM 3A "Stack Switching", "Stack Switching in IA-32e Mode".
import { raiseCode } from "../events/raise";
import { SS_FAULT, TS, SystemSegmentBit, Tss16, Tss32 } from "../generated/architecture";
import { TR_BASE, TR_LIMIT, TR_RIGHTS, TR_SELECTOR } from "../generated/layout";
import { readSystem } from "../memory/system_access";
import { fetchDescriptor, rightsOf } from "./descriptors";
import { dplOf, errorOf, isNull, isPresent, isWritableData, rplOf } from "../state/rights";

/** A stack pointer of the 64-bit TSS. */
export function tssStack(offset: u32): u64 {
  if (offset + 7 > load<u32>(TR_LIMIT)) raiseCode(TS, errorOf(load<u32>(TR_SELECTOR)));
  return readSystem<u64>(load<u64>(TR_BASE) + offset);
}

/** Results of `innerStack`: selector, raw descriptor and pointer of the stack. */
export let innerSs: u32 = 0;
export let innerSsRaw: u64 = 0;
export let innerSp: u64 = 0;
/** Finds the stack of an inner privilege level in the TSS and checks its segment: #TS, or #SS if it is not present. */
export function innerStack(cpl: u32): void {
  const tr = errorOf(load<u32>(TR_SELECTOR)), wide = (load<u32>(TR_RIGHTS) & SystemSegmentBit.Is32Bit) != 0, at = wide
    ? Tss32.Esp0 + cpl * 8 : Tss16.Sp0 + cpl * 4;
  if (<u32>at + (wide ? Tss32.Ss0 - Tss32.Esp0 : Tss16.Ss0 - Tss16.Sp0) + 1 > load<u32>(TR_LIMIT)) raiseCode(TS, tr);
  const base = load<u64>(TR_BASE) + at;
  innerSp = wide ? <u64>readSystem<u32>(base) : <u64>readSystem<u16>(base);
  innerSs = <u32>readSystem<u16>(base + (wide ? Tss32.Ss0 - Tss32.Esp0 : Tss16.Ss0 - Tss16.Sp0));
  if (isNull(innerSs)) raiseCode(TS, 0);
  innerSsRaw = fetchDescriptor(innerSs, TS);
  const rights = rightsOf(innerSsRaw);
  if (rplOf(innerSs) != cpl || dplOf(rights) != cpl || !isWritableData(rights)) raiseCode(TS, errorOf(innerSs));
  if (!isPresent(rights)) raiseCode(SS_FAULT, errorOf(innerSs));
}
