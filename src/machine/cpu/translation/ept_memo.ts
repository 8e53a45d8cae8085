// SPDX-License-Identifier: LGPL-2.1-only
// What walks of EPT found, by the 2-MiB region of the guest-physical address. Most walks repeat one before them, because a guest's
// translation needs one for each of the guest's paging structures. A memo holds the entries of a walk, and where they are. Who asks reads
// these entries again: if they are what they were, the walk would end as it did. So a memo never says what memory no longer says. It is
// neither a TLB that INVEPT empties nor state that a snapshot saves.
import { CARVE_OUT_STRUCTURES } from "../generated/layout";

/** A memo: its fields by their offsets. A walk that ended at level 2, a 1-GiB page, has its last entry twice. */
const enum Field {
  Key = 0, Region = 8, Entry3 = 16, Entry2 = 24, Entry1 = 32, Frame = 40, Inside = 48, Rights = 56, Host3 = 60, Host2 = 64, Host1 = 68,
}
@inline const BYTES: usize = 72;
@inline const MEMOS: usize = 64;
const memos: usize = memory.data(<i32>(BYTES * MEMOS), 16);

@inline function regionOf(gpa: u64): u64 { return gpa >> 21; }
@inline function memoOf(gpa: u64): usize { return memos + (<usize>regionOf(gpa) & (MEMOS - 1)) * BYTES; }
/** All that a walk depends on besides the entries; never 0. `rights`: the bits of an entry that are rights. */
@inline function keyOf(eptp: u64, rights: u32): u64 {
  return eptp | (<u64>rights << 52) | (<u64>load<u32>(CARVE_OUT_STRUCTURES) << 48);
}

/** The memo of a walk that would end as it did; 0 if there is none. */
@inline export function recall(gpa: u64, eptp: u64, rights: u32): usize {
  const memo = memoOf(gpa);
  if (load<u64>(memo, Field.Key) != keyOf(eptp, rights) || load<u64>(memo, Field.Region) != regionOf(gpa)) return 0;
  const changed = (load<u64>(load<u32>(memo, Field.Host3)) ^ load<u64>(memo, Field.Entry3))
    | (load<u64>(load<u32>(memo, Field.Host2)) ^ load<u64>(memo, Field.Entry2))
    | (load<u64>(load<u32>(memo, Field.Host1)) ^ load<u64>(memo, Field.Entry1));
  return changed ? 0 : memo;
}
/** The rights of a memo's page. */
@inline export function rightsOf(memo: usize): u32 { return load<u32>(memo, Field.Rights); }
/** The host-physical address of a guest-physical one in a memo's page. */
@inline export function addressBy(memo: usize, gpa: u64): u64 {
  return load<u64>(memo, Field.Frame) | (gpa & load<u64>(memo, Field.Inside));
}

/** A walk begins that may end in a memo. */
@inline export function forget(gpa: u64): void { store<u64>(memoOf(gpa), 0, Field.Key); }
/** The walk has read an entry of level 3, 2 or 1. */
@inline export function noteEntry(gpa: u64, level: i32, host: usize, entry: u64): void {
  const memo = memoOf(gpa), below = <usize>(3 - level);
  store<u64>(memo + below * 8, entry, Field.Entry3);
  store<u32>(memo + below * 4, <u32>host, Field.Host3);
}
/** The walk has ended at a page of level 2 or 1. `frame`: of the page; `inside`: the bits of an address in it. */
export function noteEnd(gpa: u64, eptp: u64, all: u32, level: i32, rights: u32, frame: u64, inside: u64): void {
  const memo = memoOf(gpa);
  if (level == 2) noteEntry(gpa, 1, load<u32>(memo, Field.Host2), load<u64>(memo, Field.Entry2));
  store<u64>(memo, regionOf(gpa), Field.Region);
  store<u64>(memo, frame, Field.Frame);
  store<u64>(memo, inside, Field.Inside);
  store<u32>(memo, rights, Field.Rights);
  store<u64>(memo, keyOf(eptp, all), Field.Key);
}
