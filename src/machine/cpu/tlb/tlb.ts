// SPDX-License-Identifier: LGPL-2.1-only
// The TLBs, and what empties them: SDM 3A "Caching Translation Information", SDM 3C "Caching Translation Information" (VPID and EPT). An
// entry is 32 bytes: tag for reads @0, for writes @8, for writes that must come to the slow path @16 (all ones: none), u32 addend @24, u32
// FLAG_* @28. Writes come there because the page has decoded code, or to mark it dirty again; they are translated by the tag all the same.
// A page walk in its place would set accessed and dirty flags: the guest would notice that the host read the dirty map.
import {
  CR0, CR3, CR4, DIRTY, EFER, EMPTY_TLB, PROCESSOR_COUNT, RAM, TLBS, TLB_AREA, TLB_BYTES, TLB_CR3_0, TLB_FETCHES,
  TLB_GLOBAL0, TLB_GUEST_TAG, TLB_LARGE0, TLB_LOGS, TLB_LOG_BYTES, TLB_LOG_COUNT0, TLB_LOG_ENTRIES, TLB_PAGING_0,
  TLB_SET, VMX_EPTP, VMX_MODE, VMX_VPID, CARVE_OUT_ACCESS,
} from "../generated/layout";
import { NONE, PAGE } from "../state/access_kind";
import { Cr4, Efer, Cr0, VmxMode } from "../generated/architecture";
import { currentSet, tlbArea, selectArea, slot } from "./context";

/** Flags of an entry: of a global page; a piece of a page larger than 4 KiB. */
@inline export const ENTRY_GLOBAL: u32 = 1;
@inline export const ENTRY_LARGE: u32 = 2;

/** True if the entry translates this access to a page, in the slow path or without it. */
@inline export function translates(e: usize, page: u64, write: bool): bool {
  return write ? load<u64>(e, 8) == page || load<u64>(e, 16) == page : load<u64>(e) == page;
}
/** Moves the write tag of an entry, if there is one, to where writes come to the slow path. */
@inline function holdBack(e: usize): void {
  const tag = load<u64>(e, 8);
  if (tag == NONE) return;
  store<u64>(e, tag, 16);
  store<u64>(e, NONE, 8);
}
/** Gives back the write tag of a page, if it was held back. */
@inline export function giveBack(e: usize, page: u64): void {
  store<u64>(e, page, 8);
  store<u64>(e, NONE, 16);
}
/** Notes a newly used entry, so that a flush touches only what is in use. */
function log(entry: usize): void {
  const counter = TLB_LOG_COUNT0 + currentSet * 4, n = load<u32>(counter);
  if (n < TLB_LOG_ENTRIES) store<u32>(tlbArea + TLB_LOGS + currentSet * TLB_LOG_BYTES + n * 4, <u32>entry);
  store<u32>(counter, n + 1);
}
@inline export function empty(e: usize): void {
  store<u64>(e, NONE, 0);
  store<u64>(e, NONE, 8);
  store<u64>(e, NONE, 16);
  store<u32>(e, 0, 28);
}
/** Takes the entry for a page: other pages' tags go. `flags`: ENTRY_*, as the walk found them. */
export function claim(e: usize, page: u64, addend: u32, flags: u32): void {
  if (load<u64>(e) == page && load<u32>(e, 24) == addend) return;
  if (load<u64>(e) == NONE) log(e);
  empty(e);
  store<u64>(e, page);
  store<u32>(e, addend, 24);
  store<u32>(e, flags, 28);
  if (flags & ENTRY_LARGE) store<u32>(TLB_LARGE0 + currentSet * 4, 1);
  if (flags & ENTRY_GLOBAL) store<u32>(TLB_GLOBAL0 + currentSet * 4, 1);
}
/** Empties one set; global pages stay if asked. */
function flushSet(which: u32, keepGlobal: bool): void {
  const counter = TLB_LOG_COUNT0 + which * 4, logged = load<u32>(counter), list = tlbArea + TLB_LOGS + which * TLB_LOG_BYTES;
  const keep = keepGlobal && load<u32>(TLB_GLOBAL0 + which * 4) != 0;
  if (logged > TLB_LOG_ENTRIES) {
    memory.fill(tlbArea + which * TLB_SET, 0xff, TLB_SET);
    memory.fill(tlbArea + TLB_FETCHES + which * 2 * TLB_BYTES, 0xff, 2 * TLB_BYTES);
    store<u32>(counter, 0);
  } else {
    let kept: u32 = 0;
    for (let i: u32 = 0; i < logged; i++) {
      const e = load<u32>(list + i * 4);
      if (keep && (load<u32>(e, 28) & ENTRY_GLOBAL) != 0 && load<u64>(e) != NONE) { store<u32>(list + kept * 4, e); kept++; }
      else empty(e);
    }
    store<u32>(counter, kept);
    if (kept) return;
  }
  store<u32>(TLB_LARGE0 + which * 4, 0);
  store<u32>(TLB_GLOBAL0 + which * 4, 0);
}
/** Fills every TLB of the loaded processor with "nothing"; at creation. */
export function resetTlbs(): void {
  selectArea();
  memory.fill(tlbArea, 0xff, TLB_LOGS);
  memory.fill(EMPTY_TLB, 0xff, TLB_BYTES);
  store<u64>(TLB_LOG_COUNT0, 0);
  store<u64>(TLB_LARGE0, 0);
  store<u64>(TLB_GLOBAL0, 0);
  store<u64>(TLB_GUEST_TAG, 0);
}
/** Drops all translations of the current set, global ones too (MOV to CR4, CR0 …). */
export function flushTlb(): void { flushSet(currentSet, false); }
/** Drops the translations that MOV to CR3 drops. */
export function flushTlbNonGlobal(): void { flushSet(currentSet, true); }
/** Drops the guest set: INVEPT, INVVPID, VM entry without VPID. */
export function flushGuestTlb(): void { flushSet(1, false); store<u64>(TLB_GUEST_TAG, 0); }
/** Drops both sets. */
export function flushAllTlbs(): void { flushSet(0, false); flushGuestTlb(); }
/** Bits of CR4 that change what a translation means. */
@inline export const PAGING_CR4: u32 = Cr4.PageSizeExtensions | Cr4.PhysicalAddressExtensions | Cr4.PageGlobalEnable | Cr4.SmepEnableBit
  | Cr4.SmapEnableBit | Cr4.PcidEnableBit;
/** The same of all control registers, and what of the carve-out a translation may lead to. */
function pagingBits(): u64 {
  const cr4 = load<u32>(CR4) & PAGING_CR4, efer = load<u32>(EFER) & (Efer.Lma | Efer.Nxe);
  return <u64>(load<u32>(CR0) & (Cr0.Paging | Cr0.WriteProtect)) | (<u64>cr4 << 32) | <u64>(efer >> 8) | <u64>load<u32>(CARVE_OUT_ACCESS);
}
/** After VM entry or exit: keeps the sets that the architecture lets us keep. SDM 3C "Invalidating Cached Translation Information". */
export function enterAddressSpace(): void {
  selectArea();
  const guest = load<u32>(VMX_MODE) == VmxMode.NonRoot, which = u32(guest), vpid = <u64>load<u32>(VMX_VPID);
  if (guest) {
    const tag = load<u64>(VMX_EPTP) | (vpid << 48) | (<u64>1 << 63);
    if (!vpid || tag != load<u64>(TLB_GUEST_TAG)) flushSet(1, false);
    store<u64>(TLB_GUEST_TAG, tag);
  } else if (!vpid) flushSet(0, false);
  if (load<u64>(TLB_CR3_0 + which * 8) != load<u64>(CR3) || load<u64>(TLB_PAGING_0 + which * 8) != pagingBits()) flushSet(which, false);
  noteAddressSpace(which);
}
function noteAddressSpace(which: u32): void {
  store<u64>(TLB_CR3_0 + which * 8, load<u64>(CR3));
  store<u64>(TLB_PAGING_0 + which * 8, pagingBits());
}
/** Notes CR3 and the paging bits of the current set after an instruction changed them. */
export function addressSpaceChanged(): void { noteAddressSpace(currentSet); }
/** INVLPG: one page, or all pieces of the large page that may hold it. */
export function invalidatePage(linear: u64): void {
  const page = linear & PAGE;
  for (let which: u32 = 0; which < 5; which++) {
    const table = which < 3 ? tlbArea + currentSet * TLB_SET + which * TLB_BYTES
      : tlbArea + TLB_FETCHES + (currentSet * 2 + which - 3) * TLB_BYTES;
    const e = slot(table, linear);
    if (load<u64>(e) == page) empty(e);
  }
  if (!load<u32>(TLB_LARGE0 + currentSet * 4)) return;
  const logged = load<u32>(TLB_LOG_COUNT0 + currentSet * 4), list = tlbArea + TLB_LOGS + currentSet * TLB_LOG_BYTES;
  if (logged > TLB_LOG_ENTRIES) { flushSet(currentSet, false); return; }
  for (let i: u32 = 0; i < logged; i++) {
    const e = load<u32>(list + i * 4);
    if ((load<u32>(e, 28) & ENTRY_LARGE) != 0 && (load<u64>(e) ^ linear) >> 30 == 0) empty(e);
  }
}
/** A page of RAM (number from RAM's start) got its first decoded record: writes to it must come to the slow path. */
export function protectPage(page: u32): void {
  if (!load<u8>(DIRTY + page)) return;             // never written through a TLB, so no write tag
  const host = <u32>(RAM + (<usize>page << 12)), processors = max<u32>(load<u32>(PROCESSOR_COUNT), 1);
  for (let p: u32 = 0; p < processors; p++) {
    const from = TLBS + p * TLB_AREA;
    for (let e = from; e < from + TLB_FETCHES; e += 32) {
      if (<u32>load<u64>(e, 8) + load<u32>(e, 24) == host) holdBack(e);
    }
  }
}
/** Holds all write tags back, so that the next writes mark their pages dirty again; the caller has cleared DIRTY. */
export function watchWrites(): void {
  const processors = max<u32>(load<u32>(PROCESSOR_COUNT), 1);
  for (let p: u32 = 0; p < processors; p++) {
    const from = TLBS + p * TLB_AREA;
    for (let e = from; e < from + TLB_FETCHES; e += 32) holdBack(e);
  }
}
