// SPDX-License-Identifier: LGPL-2.1-only
// An MSR whose writes the host wants to hear of, as it does to find out who wrote it last. No guest notices, and no run stops for it.
import { FS, GS, WATCHED_MSR } from "../generated/layout";
import { Msr } from "../generated/architecture";
import { currentRip } from "./instruction";

@external("env", "msrWritten") declare function tellHost(before: u64, after: u64, rip: u64): void;

/** Whether the host wants to hear of writes of this MSR. The word is 1 + its address, so that no value of ECX is that of none. */
@inline export function watchesMsr(index: u32): bool {
  const watched = load<u32>(WATCHED_MSR);
  return watched != 0 && watched - 1 == index;
}
/** The MSR that is watched has been written, or is about to be. */
export function msrWritten(before: u64, after: u64): void { tellHost(before, after, currentRip()); }
/** Stores a word that is an MSR, for instructions other than WRMSR. */
@inline export function storeMsr(index: u32, at: usize, v: u64): void {
  if (watchesMsr(index)) msrWritten(load<u64>(at), v);
  store<u64>(at, v);
}
/** The same for the base of a segment register: those of FS and GS are MSRs. */
@inline export function storeBase(segment: u32, at: usize, v: u64): void {
  if (load<u32>(WATCHED_MSR)) noteBase(segment, load<u64>(at), v);
  store<u64>(at, v);
}
function noteBase(segment: u32, before: u64, v: u64): void {
  if (segment == FS ? watchesMsr(Msr.Ia32FsBase) : segment == GS && watchesMsr(Msr.Ia32GsBase)) msrWritten(before, v);
}
