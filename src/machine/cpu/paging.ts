// SPDX-License-Identifier: LGPL-2.1-only
// From linear to physical addresses: SDM 3A "Paging", SDM 3C "VMX Support for Address Translation". Page walks, TLBs, page faults, and the
// slow path of every access: page crossings, devices, pages with decoded code, segment limits, alignment checks, data breakpoints.
import {
  BOUNCE, BOUNCE_WORDS, CR0, CR3, CR4, CPL, CURRENT_RECORD, DECODE_CODE, DECODE_CODE64, DECODE_MODE, DECODE_SEGMENTED, DIRTY, DR0, DR7,
  EFER, EMPTY_TLB, PAGE_MAP, PDPTE0, PHYSICAL_BITS, PHYSICAL_RESERVED, PROCESSOR_COUNT, PROCESSOR_ID, RAM, RAM_BYTES, RFLAGS_SYSTEM,
  TLBS, TLB_AREA, TLB_BYTES, TLB_DATA, TLB_FETCH, TLB_FETCHES, TLB_GLOBAL0, TLB_GUEST_TAG, TLB_LARGE0, TLB_LOGS, TLB_LOG_BYTES,
  TLB_LOG_COUNT0, TLB_LOG_ENTRIES, TLB_SET, TLB_CR3_0, TLB_PAGING_0, VMX_EPTP, VMX_MODE, VMX_VPID, ZERO, DEBUG_TRAPS,
  ACCESS_SEGMENT, CS_BASE, RBP, RSP,
} from "./layout";
import { selectTlbs } from "./access";
import { codeWritten, holdsCode } from "./code";
import { raiseCode, raisePageFault, restartStepping, AC, GP, SS_FAULT } from "./interrupt";
import { eptTranslate, eptFlags, EPT_READ, EPT_WRITE, EPT_EXECUTE } from "./ept";
import { ADDRESS, DEFAULT_STACK, STACK_INSTRUCTION } from "./record";
import { checkSegmentAccess } from "./segment";

@external("env", "mmioRead") declare function mmioRead(address: f64, size: u32): u32;
@external("env", "mmioWrite") declare function mmioWrite(address: f64, size: u32, value: u32): void;

/** Kinds of access. */
@inline export const READ: u32 = 0;
@inline export const WRITE: u32 = 1;
/** A read-modify-write: the old value is wanted, the page must be writable. */
@inline export const READ_WRITE: u32 = 2;
@inline export const FETCH: u32 = 4;
/** Contexts of an access: index of the data TLB. SUPERVISOR also serves implicit accesses to system structures. */
@inline export const SUPERVISOR: u32 = 0;
@inline export const USER: u32 = 1;
/** Supervisor accesses while EFLAGS.AC suspends SMAP. */
@inline export const SUPERVISOR_AC: u32 = 2;

@inline const PAGE: u64 = 0xfffffffffffff000;
@inline const NONE: u64 = 0xffffffffffffffff;
@inline const FLAG_GLOBAL: u32 = 1;
@inline const FLAG_LARGE: u32 = 2;
@inline const PTE_PRESENT: u64 = 1;
@inline const PTE_WRITE: u64 = 2;
@inline const PTE_USER: u64 = 4;
@inline const PTE_ACCESSED: u64 = 0x20;
@inline const PTE_DIRTY: u64 = 0x40;
@inline const PTE_LARGE: u64 = 0x80;
@inline const PTE_GLOBAL: u64 = 0x100;
@inline const PTE_NX: u64 = 0x8000000000000000;
@inline const FRAME: u64 = 0x000ffffffffff000;

@inline const CR0_WP: u32 = 0x10000;
@inline const CR0_PG: u32 = 0x80000000;
@inline const CR4_DE: u32 = 8;
@inline const CR4_PSE: u32 = 0x10;
@inline const CR4_PAE: u32 = 0x20;
@inline const CR4_PGE: u32 = 0x80;
@inline const CR4_SMEP: u32 = 0x100000;
@inline const CR4_SMAP: u32 = 0x200000;
@inline const EFER_LMA: u32 = 0x400;
@inline const EFER_NXE: u32 = 0x800;

/** TLB area of the loaded processor, its current set (0 host, 1 guest) and the context of ordinary data accesses. */
let area: usize = TLBS;
let set: u32 = 0;
let context: u32 = SUPERVISOR;
/** True while the processor executes exactly one instruction at a time: device accesses need not restart it. */
export let stepping: bool = false;
export function setStepping(on: bool): void { stepping = on; }

/** True if bits 63:47 are equal. */
@inline export function canonical(a: u64): bool { return (<i64>a << 16) >> 16 == <i64>a; }

/** Address in the machine's memory of a physical address, 0 if it is not RAM. */
@inline export function physicalHost(pa: u64): usize {
  const ram = <u64>load<u32>(RAM_BYTES);
  if (pa < ram) return RAM + <usize>pa;
  const beyond = pa - 0x100000000;
  return beyond < 0x4000000 ? RAM + <usize>ram + <usize>beyond : 0;
}
/** Notes that a page of RAM changes: for the state hash. */
@inline export function markDirty(host: usize): void { store<u8>(DIRTY + ((host - RAM) >> 12), 1); }

// ---- page walk ------------------------------------------------------------------------------------------------------------

/** Results of `walk`: physical address after EPT, page flags, error code of the page fault. */
let walkPhysical: u64 = 0;
let walkFlags: u32 = 0;
let walkCode: u32 = 0;

@inline function usesEpt(): bool { return load<u32>(VMX_MODE) == 2 && load<u64>(VMX_EPTP) != 0; }

/** What a bus that nobody drives reads as. */
export const OPEN_BUS: usize = memory.data<u64>([0xffffffffffffffff]);
/** Address of a paging-structure entry; outside RAM nobody drives the bus: all bits are 1, which most formats call reserved. */
function entryAt(pa: u64, linear: u64, write: bool, quiet: bool): usize {
  let at = pa;
  if (usesEpt()) {
    at = eptTranslate(pa, write ? EPT_READ | EPT_WRITE : EPT_READ, linear, true, quiet);
    if (at == NONE) return ZERO;
  }
  const host = physicalHost(at);
  return host ? host : OPEN_BUS;
}
/** Sets bits of a paging-structure entry. `size`: 4 or 8 bytes. */
function mark(pa: u64, bits: u64, linear: u64): void {
  const host = entryAt(pa, linear, true, false);
  if (host == ZERO || host == OPEN_BUS) return;
  store<u8>(host, load<u8>(host) | <u8>bits);
  markDirty(host);
  if (load<u32>(PAGE_MAP + ((host - RAM) >> 12) * 4)) codeWritten(<u32>(host - RAM), 1);
}

/** Error code of a page fault. SDM 3A "Page-Fault Exceptions". */
function faultCode(present: u32, kind: u32, user: bool): u32 {
  const fetchBit = kind == FETCH && (((load<u32>(CR4) & CR4_PAE) != 0 && (load<u32>(EFER) & EFER_NXE) != 0) || (load<u32>(CR4) & CR4_SMEP) != 0);
  return present | (kind == WRITE || kind == READ_WRITE ? 2 : 0) | (user ? 4 : 0) | (fetchBit ? 16 : 0);
}

/** True if the rights of all levels (ANDed, NX ORed into bit 63) allow the access. SDM 3A "Determination of Access Rights". */
function permitted(rights: u64, kind: u32, which: u32): bool {
  const write = kind == WRITE || kind == READ_WRITE;
  if (kind == FETCH && (rights & PTE_NX) != 0) return false;
  if (which == USER) return (rights & PTE_USER) != 0 && (!write || (rights & PTE_WRITE) != 0);
  if (write && !(rights & PTE_WRITE) && (load<u32>(CR0) & CR0_WP) != 0) return false;
  if (!(rights & PTE_USER)) return true;
  if (kind == FETCH) return (load<u32>(CR4) & CR4_SMEP) == 0;
  return which == SUPERVISOR_AC || (load<u32>(CR4) & CR4_SMAP) == 0;
}

/** Bits that must be 0 in a 64-bit entry. SDM 3A "Reserved Bits" of the page-fault error code. */
function reserved64(level: i32, e: u64, legacyPae: bool): u64 {
  let r = load<u64>(PHYSICAL_RESERVED) & FRAME;
  if (!(load<u32>(EFER) & EFER_NXE)) r |= PTE_NX;
  if (legacyPae) r |= 0x7ff0000000000000;
  if (level == 3) return r | PTE_LARGE;
  if (level == 0 || !(e & PTE_LARGE)) return r;
  return r | (level == 2 ? 0x3fffe000 : 0x1fe000);
}

/** Translates without EPT or paging: the linear address is the (guest-)physical one. */
function finish(gpa: u64, linear: u64, kind: u32, flags: u32, quiet: bool): bool {
  walkFlags = flags;
  walkPhysical = gpa;
  if (usesEpt()) {
    const wanted = kind == FETCH ? EPT_EXECUTE : kind == READ ? EPT_READ : EPT_READ | EPT_WRITE;
    walkPhysical = eptTranslate(gpa, kind == WRITE ? EPT_WRITE : wanted, linear, false, quiet);
    walkFlags |= FLAG_LARGE & (eptFlags() << 1);
    return walkPhysical != NONE;
  }
  return true;
}

function walk64(linear: u64, kind: u32, which: u32, quiet: bool): bool {
  const legacyPae = !(load<u32>(EFER) & EFER_LMA);
  let level: i32 = 3, table = load<u64>(CR3) & FRAME, rights: u64 = PTE_WRITE | PTE_USER, nx: u64 = 0;
  let upper0 = NONE, upper1 = NONE, upper2 = NONE;
  if (legacyPae) {
    const pdpte = load<u64>(PDPTE0 + (<usize>(linear >> 30) & 3) * 8);
    if (!(pdpte & PTE_PRESENT)) { walkCode = faultCode(0, kind, which == USER); return false; }
    table = pdpte & FRAME;
    level = 1;
  }
  for (;;) {
    const pa = table + ((linear >> (12 + 9 * level)) & 511) * 8;
    const e = load<u64>(entryAt(pa, linear, false, quiet));
    if (!(e & PTE_PRESENT)) { walkCode = faultCode(0, kind, which == USER); return false; }
    if (e & reserved64(level, e, legacyPae)) { walkCode = faultCode(9, kind, which == USER); return false; }
    rights &= e;
    nx |= e & PTE_NX;
    const leaf = level == 0 || (e & PTE_LARGE) != 0;
    if (leaf) {
      if (!permitted(rights | nx, kind, which)) { walkCode = faultCode(1, kind, which == USER); return false; }
      const want = PTE_ACCESSED | (kind == WRITE || kind == READ_WRITE ? PTE_DIRTY : 0);
      // a walk that faults marks no entry, as the 80386 did; later processors may mark the upper ones
      if (upper2 != NONE) mark(upper2, PTE_ACCESSED, linear);
      if (upper1 != NONE) mark(upper1, PTE_ACCESSED, linear);
      if (upper0 != NONE) mark(upper0, PTE_ACCESSED, linear);
      if (!quiet && (e & want) != want) mark(pa, want, linear);
      const inside = (<u64>1 << (12 + 9 * level)) - 1;
      const flags = (e & PTE_GLOBAL) != 0 && (load<u32>(CR4) & CR4_PGE) != 0 ? FLAG_GLOBAL : 0;
      return finish((e & FRAME & ~inside) | (linear & inside), linear, kind, flags | (level ? FLAG_LARGE : 0), quiet);
    }
    if (!quiet && !(e & PTE_ACCESSED)) { upper2 = upper1; upper1 = upper0; upper0 = pa; }
    table = e & FRAME;
    level--;
  }
  return false;
}

/** Two-level paging of 32-bit entries, 4-MiB pages with CR4.PSE, PSE-36 up to 40 bits. SDM 3A "32-Bit Paging". */
function walk32(linear: u64, kind: u32, which: u32, quiet: bool): bool {
  const pdeAt = (load<u64>(CR3) & 0xfffff000) + ((linear >> 22) & 1023) * 4;
  const pde = <u64>load<u32>(entryAt(pdeAt, linear, false, quiet));
  if (!(pde & PTE_PRESENT)) { walkCode = faultCode(0, kind, which == USER); return false; }
  const want = PTE_ACCESSED | (kind == WRITE || kind == READ_WRITE ? PTE_DIRTY : 0);
  const pge = (load<u32>(CR4) & CR4_PGE) != 0;
  if ((pde & PTE_LARGE) != 0 && (load<u32>(CR4) & CR4_PSE) != 0) {
    const bits = load<u32>(PHYSICAL_BITS), high = bits >= 40 ? 8 : bits > 32 ? bits - 32 : 0;
    const allowed = ((<u64>1 << high) - 1) << 13;
    if (pde & 0x3fe000 & ~allowed) { walkCode = faultCode(9, kind, which == USER); return false; }
    if (!permitted(pde & (PTE_WRITE | PTE_USER), kind, which)) { walkCode = faultCode(1, kind, which == USER); return false; }
    if (!quiet && (pde & want) != want) mark(pdeAt, want, linear);
    const gpa = (pde & 0xffc00000) | ((pde & allowed) << 19) | (linear & 0x3fffff);
    return finish(gpa, linear, kind, FLAG_LARGE | (pge && (pde & PTE_GLOBAL) != 0 ? FLAG_GLOBAL : 0), quiet);
  }
  const pteAt = (pde & 0xfffff000) + ((linear >> 12) & 1023) * 4;
  const pte = <u64>load<u32>(entryAt(pteAt, linear, false, quiet));
  if (!(pte & PTE_PRESENT)) { walkCode = faultCode(0, kind, which == USER); return false; }
  if (!permitted(pde & pte & (PTE_WRITE | PTE_USER), kind, which)) { walkCode = faultCode(1, kind, which == USER); return false; }
  if (!quiet && !(pde & PTE_ACCESSED)) mark(pdeAt, PTE_ACCESSED, linear);
  if (!quiet && (pte & want) != want) mark(pteAt, want, linear);
  return finish((pte & 0xfffff000) | (linear & 0xfff), linear, kind, pge && (pte & PTE_GLOBAL) != 0 ? FLAG_GLOBAL : 0, quiet);
}

function walk(linear: u64, kind: u32, which: u32, quiet: bool): bool {
  if (!(load<u32>(CR0) & CR0_PG)) return finish(linear, linear, kind, 0, quiet);
  if (load<u32>(CR4) & CR4_PAE) return walk64(linear, kind, which, quiet);
  return walk32(linear, kind, which, quiet);
}

/** Physical address for an access, or a page fault or VM exit. */
function resolve(linear: u64, kind: u32, which: u32): u64 {
  if (!walk(linear, kind, which, false)) {
    for (let i: u32 = 0; i < 3; i++) {              // a page fault drops the page's translations: SDM "Operations that Invalidate TLBs"
      const e = slot(dataTlb(i), linear);
      if (load<u64>(e) == (linear & PAGE)) empty(e);
    }
    raisePageFault(linear, walkCode);
  }
  return walkPhysical;
}

/** For debuggers: physical address of a linear one without faults or A/D updates, all ones if there is none. `kind`: READ, WRITE or FETCH. */
export function translateQuietly(linear: u64, kind: u32, user: u32): u64 {
  if ((load<u32>(EFER) & EFER_LMA) != 0 && !canonical(linear)) return NONE;
  return walk(linear, kind, user ? USER : SUPERVISOR_AC, true) ? walkPhysical : NONE;
}

/** Loads the four PDPTEs of PAE paging from the table at `cr3`. @returns false if a reserved bit is set (the caller raises #GP). SDM 3A "PDPTE Registers". */
export function loadPdptes(cr3: u64): bool {
  const table = cr3 & 0xffffffe0, reserved = (load<u64>(PHYSICAL_RESERVED) | 0x1e6);
  for (let pass = 0; pass < 2; pass++) for (let i: usize = 0; i < 4; i++) {
    const e = load<u64>(entryAt(table + i * 8, table + i * 8, false, false));
    if (pass) store<u64>(PDPTE0 + i * 8, e);
    else if ((e & PTE_PRESENT) != 0 && (e & reserved) != 0) return false;
  }
  return true;
}

// ---- TLB -------------------------------------------------------------------------------------------------------------------

/** Selects the TLBs for the processor's set and privilege; called whenever CPL, AC, the segments' flatness, VMX mode or the processor changes. */
export function selectContext(checked: bool): void {
  area = TLBS + load<u32>(PROCESSOR_ID) * TLB_AREA;
  set = u32(load<u32>(VMX_MODE) == 2);
  const user = load<u32>(CPL) == 3;
  const suspended = (load<u32>(CR4) & CR4_SMAP) != 0 && (load<u32>(RFLAGS_SYSTEM) & 0x40000) != 0;
  context = user ? USER : suspended ? SUPERVISOR_AC : SUPERVISOR;
  const data = dataTlb(context);
  store<u32>(TLB_DATA, <u32>(checked ? EMPTY_TLB : data));
  store<u32>(TLB_FETCH, <u32>(area + TLB_FETCHES + set * 2 * TLB_BYTES + (user ? TLB_BYTES : 0)));
  selectTlbs();
}
@inline function dataTlb(which: u32): usize { return area + set * TLB_SET + which * TLB_BYTES; }
@inline function slot(table: usize, linear: u64): usize { return table + ((<usize>(linear >> 12) & 1023) << 5); }

/** Notes a newly used entry, so that a flush touches only what is in use. */
function log(entry: usize): void {
  const counter = TLB_LOG_COUNT0 + set * 4, n = load<u32>(counter);
  if (n < TLB_LOG_ENTRIES) store<u32>(area + TLB_LOGS + set * TLB_LOG_BYTES + n * 4, <u32>entry);
  store<u32>(counter, n + 1);
}
@inline function empty(e: usize): void { store<u64>(e, NONE, 0); store<u64>(e, NONE, 8); store<u64>(e, NONE, 16); store<u32>(e, 0, 28); }
/** Takes the entry for a page: other pages' tags go. */
function claim(e: usize, page: u64, addend: u32): void {
  if (load<u64>(e) == page && load<u32>(e, 24) == addend) return;
  if (load<u64>(e) == NONE) log(e);
  empty(e);
  store<u64>(e, page);
  store<u32>(e, addend, 24);
  store<u32>(e, walkFlags, 28);
  if (walkFlags & FLAG_LARGE) store<u32>(TLB_LARGE0 + set * 4, 1);
  if (walkFlags & FLAG_GLOBAL) store<u32>(TLB_GLOBAL0 + set * 4, 1);
}
/** Empties one set; global pages stay if asked. */
function flushSet(which: u32, keepGlobal: bool): void {
  const counter = TLB_LOG_COUNT0 + which * 4, logged = load<u32>(counter), list = area + TLB_LOGS + which * TLB_LOG_BYTES;
  const keep = keepGlobal && load<u32>(TLB_GLOBAL0 + which * 4) != 0;
  if (logged > TLB_LOG_ENTRIES) {
    memory.fill(area + which * TLB_SET, 0xff, TLB_SET);
    memory.fill(area + TLB_FETCHES + which * 2 * TLB_BYTES, 0xff, 2 * TLB_BYTES);
    store<u32>(counter, 0);
  } else {
    let kept: u32 = 0;
    for (let i: u32 = 0; i < logged; i++) {
      const e = load<u32>(list + i * 4);
      if (keep && (load<u32>(e, 28) & FLAG_GLOBAL) != 0 && load<u64>(e) != NONE) { store<u32>(list + kept * 4, e); kept++; }
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
  area = TLBS + load<u32>(PROCESSOR_ID) * TLB_AREA;
  memory.fill(area, 0xff, TLB_LOGS);
  memory.fill(EMPTY_TLB, 0xff, TLB_BYTES);
  store<u64>(TLB_LOG_COUNT0, 0);
  store<u64>(TLB_LARGE0, 0);
  store<u64>(TLB_GLOBAL0, 0);
  store<u64>(TLB_GUEST_TAG, 0);
}
/** Drops all translations of the current set, global ones too (MOV to CR4, CR0 …). */
export function flushTlb(): void { flushSet(set, false); }
/** Drops the translations that MOV to CR3 drops. */
export function flushTlbNonGlobal(): void { flushSet(set, true); }
/** Drops the guest set: INVEPT, INVVPID, VM entry without VPID. */
export function flushGuestTlb(): void { flushSet(1, false); store<u64>(TLB_GUEST_TAG, 0); }
/** Drops both sets. */
export function flushAllTlbs(): void { flushSet(0, false); flushGuestTlb(); }

/** Bits of the control registers that change what a translation means. */
function pagingBits(): u64 {
  const cr4 = load<u32>(CR4) & (CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP), efer = load<u32>(EFER) & (EFER_LMA | EFER_NXE);
  return <u64>(load<u32>(CR0) & (CR0_PG | CR0_WP)) | (<u64>cr4 << 32) | <u64>(efer >> 8);
}
/** After VM entry or exit: keeps the sets that the architecture lets us keep. SDM 3C "Invalidating Cached Translation Information". */
export function enterAddressSpace(): void {
  area = TLBS + load<u32>(PROCESSOR_ID) * TLB_AREA;
  const guest = load<u32>(VMX_MODE) == 2, which = u32(guest), vpid = <u64>load<u32>(VMX_VPID);
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
export function addressSpaceChanged(): void { noteAddressSpace(set); }

/** INVLPG: one page, or all pieces of the large page that may hold it. */
export function invalidatePage(linear: u64): void {
  const page = linear & PAGE;
  for (let which: u32 = 0; which < 5; which++) {
    const table = which < 3 ? area + set * TLB_SET + which * TLB_BYTES : area + TLB_FETCHES + (set * 2 + which - 3) * TLB_BYTES;
    const e = slot(table, linear);
    if (load<u64>(e) == page) empty(e);
  }
  if (!load<u32>(TLB_LARGE0 + set * 4)) return;
  const logged = load<u32>(TLB_LOG_COUNT0 + set * 4), list = area + TLB_LOGS + set * TLB_LOG_BYTES;
  if (logged > TLB_LOG_ENTRIES) { flushSet(set, false); return; }
  for (let i: u32 = 0; i < logged; i++) {
    const e = load<u32>(list + i * 4);
    if ((load<u32>(e, 28) & FLAG_LARGE) != 0 && (load<u64>(e) ^ linear) >> 30 == 0) empty(e);
  }
}

/** A page of RAM (number from RAM's start) got its first decoded record: writes to it must come to the slow path. */
export function protectPage(page: u32): void {
  if (!load<u8>(DIRTY + page)) return;             // never written through a TLB, so no write tag
  const host = <u32>(RAM + (<usize>page << 12)), processors = max<u32>(load<u32>(PROCESSOR_COUNT), 1);
  for (let p: u32 = 0; p < processors; p++) {
    const from = TLBS + p * TLB_AREA;
    for (let e = from; e < from + TLB_FETCHES; e += 32) {
      const tag = load<u64>(e, 8);
      if (tag != NONE && <u32>tag + load<u32>(e, 24) == host) { store<u64>(e, tag, 16); store<u64>(e, NONE, 8); }
    }
  }
}
/** Drops all write tags, so that the next writes mark their pages dirty again; the caller has cleared DIRTY. */
export function watchWrites(): void {
  const processors = max<u32>(load<u32>(PROCESSOR_COUNT), 1);
  for (let p: u32 = 0; p < processors; p++) {
    const from = TLBS + p * TLB_AREA;
    for (let e = from; e < from + TLB_FETCHES; e += 32) { store<u64>(e, NONE, 8); store<u64>(e, NONE, 16); }
  }
}

// ---- slow path --------------------------------------------------------------------------------------------------------------

/**
 * Stack references raise #SS(0) for a non-canonical address, all others #GP(0). The record says whether the memory operand is based on the stack
 * (bit 0) or the instruction uses the stack beside its operand (bit 1: PUSH, POP and CALL with memory; then what is not the operand is the stack;
 * records without a memory operand give a canonical address here).
 */
function nonCanonical(ea: u64): void {
  const record = load<u32>(CURRENT_RECORD), flags = record ? load<u8>(record, 25) : 0;
  raiseCode((flags & DEFAULT_STACK) != 0 || ((flags & STACK_INSTRUCTION) != 0 && ea != ADDRESS(record)) ? SS_FAULT : GP, 0);
}
/** Data breakpoints that the access meets go to DEBUG_TRAPS. SDM 3B "Debug Control Register (DR7)". */
function watch(ea: u64, size: u32, kind: u32): void {
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
  if (!(dr7 & 0xff) || !(load<u32>(CR4) & CR4_DE)) return;
  for (let i: u32 = 0; i < 4; i++) {
    if (!((dr7 >> (i * 2)) & 3) || ((dr7 >> (16 + i * 4)) & 3) != 2) continue;
    const code = <u32>(dr7 >> (18 + i * 4)) & 3, length: u64 = code == 2 ? 8 : <u64>code + 1, at = load<u64>(DR0 + i * 8) & ~(length - 1);
    if (<u64>port < at + length && at < <u64>(port + size)) store<u64>(DEBUG_TRAPS, load<u64>(DEBUG_TRAPS) | (1 << i));
  }
}
/** True if a data breakpoint lies in the page: it gets no tag then. */
function watched(page: u64): bool {
  const dr7 = load<u64>(DR7);
  if (!(dr7 & 0xff)) return false;
  for (let i: u32 = 0; i < 4; i++) if (((dr7 >> (i * 2)) & 3) != 0 && (load<u64>(DR0 + i * 8) & PAGE) == page) return true;
  return false;
}

/** True after an access to a device, until the next watchDevices(): a repeated string instruction goes on with the next element later. */
export let deviceTouched: bool = false;
export function watchDevices(): void { deviceTouched = false; }

let nextBounce: u32 = 0;
/** A bounce slot for an operand in one or two pieces; its old value is read in if wanted. */
function bounce(first: u64, second: u64, inFirst: u32, size: u32, kind: u32): usize {
  if (!physicalHost(first) || (inFirst < size && !physicalHost(second))) {
    if (!stepping && load<u32>(CURRENT_RECORD) != 0) restartStepping();
    deviceTouched = true;
  }
  const i = nextBounce++ & 3, at = BOUNCE + i * 16, words = BOUNCE_WORDS + i * 32;
  store<u64>(words, first, 0);
  store<u64>(words, second, 8);
  store<u32>(words, size, 16);
  store<u32>(words, inFirst, 20);
  if (kind != WRITE) {
    readPhysical(first, at, inFirst);
    if (inFirst < size) readPhysical(second, at + inFirst, size - inFirst);
  }
  return at;
}
/** Writes a bounce slot to where it belongs. */
export function flushBounce(p: usize): void {
  const at = BOUNCE + ((p - BOUNCE) & ~15), words = BOUNCE_WORDS + ((p - BOUNCE) >> 4) * 32;
  const size = load<u32>(words, 16), inFirst = load<u32>(words, 20);
  writePhysical(load<u64>(words, 0), at, inFirst);
  if (inFirst < size) writePhysical(load<u64>(words, 8), at + inFirst, size - inFirst);
}
/** Largest naturally aligned piece, at most 4 bytes. */
function piece(pa: u64, n: u32): u32 {
  if (!(pa & 3) && n >= 4) return 4;
  return !(pa & 1) && n >= 2 ? 2 : 1;
}
/** Copies physical memory or device registers into the machine's memory. */
export function readPhysical(pa: u64, to: usize, n: u32): void {
  const host = physicalHost(pa);
  if (host) { memory.copy(to, host, n); return; }
  for (let done: u32 = 0; done < n;) {
    const size = piece(pa + done, n - done), v = mmioRead(<f64>(pa + done), size);
    if (size == 4) store<u32>(to + done, v); else if (size == 2) store<u16>(to + done, <u16>v); else store<u8>(to + done, <u8>v);
    done += size;
  }
}
/** The inverse; decoded code and the dirty map are told. */
export function writePhysical(pa: u64, from: usize, n: u32): void {
  const host = physicalHost(pa);
  if (host) {
    memory.copy(host, from, n);
    markDirty(host);
    if (load<u32>(PAGE_MAP + ((host - RAM) >> 12) * 4)) codeWritten(<u32>(host - RAM), n);
    return;
  }
  for (let done: u32 = 0; done < n;) {
    const size = piece(pa + done, n - done);
    mmioWrite(<f64>(pa + done), size, size == 4 ? load<u32>(from + done) : size == 2 ? load<u16>(from + done) : load<u8>(from + done));
    done += size;
  }
}

/** One page: fills the TLB if it is plain RAM, else gives a bounce slot. */
function openPage(ea: u64, size: u32, kind: u32, which: u32): usize {
  const e = slot(dataTlb(which), ea), page = ea & PAGE;
  if (kind == READ ? load<u64>(e) == page : load<u64>(e, 8) == page) return <usize>ea + <usize>load<u32>(e, 24);
  if (kind != READ && load<u64>(e, 16) == page) {
    const host = <usize>(<u32>ea + load<u32>(e, 24));
    const ram = load<u32>(RAM_BYTES), offset = <u32>(host - RAM);
    if (!holdsCode(offset, size)) { markDirty(host); return host; }
    return bounce(offset < ram ? <u64>offset : 0x100000000 + <u64>(offset - ram), 0, size, size, kind);
  }
  const pa = resolve(ea, kind, which), host = physicalHost(pa);
  if (!host) return bounce(pa, 0, size, size, kind);
  const plain = !watched(page);
  if (plain) claim(e, page, <u32>host - <u32>ea);
  if (kind == READ) return host;
  markDirty(host);
  if (load<u32>(PAGE_MAP + ((host - RAM) >> 12) * 4)) {
    if (plain) store<u64>(e, page, 16);
    return holdsCode(<u32>(host - RAM), size) ? bounce(pa, 0, size, size, kind) : host;
  }
  if (plain) store<u64>(e, page, 8);
  return host;
}
function openPages(ea: u64, last: u64, size: u32, kind: u32, which: u32): usize {
  if ((ea & PAGE) == (last & PAGE)) return openPage(ea, size, kind, which);
  const first = resolve(ea, kind, which), second = resolve(last & PAGE, kind, which);
  return bounce(first, second, 0x1000 - (<u32>ea & 0xfff), size, kind);
}

/** Outside 64-bit mode linear addresses have 32 bits: the later parts of an operand that begins below 4 GiB may be at its start. */
@inline function wrapped(ea: u64, mode: u32): u64 { return (mode & DECODE_CODE) == DECODE_CODE64 ? ea : <u64><u32>ea; }

/** Place of an ordinary operand that missed the TLB; faults. */
export function openSlow(address: u64, size: u32, kind: u32): usize {
  const mode = load<u32>(DECODE_MODE), ea = wrapped(address, mode);
  let last = ea + size - 1;
  if ((mode & DECODE_CODE) == DECODE_CODE64) { if (!canonical(ea) || !canonical(last)) nonCanonical(ea); }
  else {
    if (mode & DECODE_SEGMENTED) checkSegmentAccess(ea, size, kind);
    last &= 0xffffffff;
  }
  if (size <= 8 && (ea & (size - 1)) != 0 && alignmentChecked()) raiseCode(AC, 0);
  if (load<u64>(DR7) & 0xff) watch(ea, size, kind);
  return openPages(ea, last, size, kind, context);
}
/** CR0.AM, EFLAGS.AC and CPL 3. */
@inline export function alignmentChecked(): bool { return (load<u32>(CR0) & 0x40000) != 0 && (load<u32>(RFLAGS_SYSTEM) & 0x40000) != 0 && load<u32>(CPL) == 3; }

/** See `probe` of access.ts. */
export function probeSlow(address: u64, size: u32, write: u32): void {
  const mode = load<u32>(DECODE_MODE), ea = wrapped(address, mode), kind = write ? WRITE : READ;
  let last = ea + size - 1;
  if ((mode & DECODE_CODE) == DECODE_CODE64) { if (!canonical(ea) || !canonical(last)) nonCanonical(ea); }
  else {
    if (mode & DECODE_SEGMENTED) checkSegmentAccess(ea, size, kind);
    last &= 0xffffffff;
  }
  for (let page = ea & PAGE; ; page = (page + 0x1000) & ((mode & DECODE_CODE) == DECODE_CODE64 ? NONE : 0xffffffff)) {
    const at = page == (ea & PAGE) ? ea : page;
    const e = slot(dataTlb(context), at);
    if (load<u64>(e + (write ? 8 : 0)) != page) resolve(at, kind, context);
    if (page == (last & PAGE)) return;
  }
}
/** See `slow` of access.ts: never faults, never touches devices. */
export function plainSlow(address: u64, size: u32, write: u32): usize {
  const mode = load<u32>(DECODE_MODE), ea = wrapped(address, mode), page = ea & PAGE;
  if ((ea + size - 1 & PAGE) != page || (mode & DECODE_SEGMENTED) != 0 || (load<u64>(DR7) & 0xff) != 0 || alignmentChecked()) return 0;
  if ((mode & DECODE_CODE) == DECODE_CODE64 && !canonical(ea)) return 0;
  if (usesEpt() || !walk(ea, write ? WRITE : READ, context, true)) return 0;
  const host = physicalHost(walkPhysical);
  if (!host || (write && load<u32>(PAGE_MAP + ((host - RAM) >> 12) * 4) != 0)) return 0;
  return openPage(ea, size, write ? WRITE : READ, context);
}

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
function openProbe(at: u64): void { if (load<u64>(slot(dataTlb(SUPERVISOR), at), 8) != (at & PAGE)) resolve(at, WRITE, SUPERVISOR); }
/** System addresses wrap at 4 GiB outside IA-32e mode; in it a non-canonical one is #GP(0). */
function systemAddress(ea: u64): u64 {
  if (!(load<u32>(EFER) & EFER_LMA)) return ea & 0xffffffff;
  if (!canonical(ea)) raiseCode(GP, 0);
  return ea;
}

/** Physical address of the last fetch that met no RAM. */
export let fetchedPhysical: u64 = 0;
/**
 * Address in the machine's memory of the instruction byte at a linear address; fills the fetch TLB; faults. 0 where there is no RAM: then
 * the byte comes from the device, or the open bus, at `fetchedPhysical`.
 */
export function fetchSlow(linear: u64): usize {
  if ((load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64 && !canonical(linear)) raiseCode(GP, 0);
  const which = load<u32>(CPL) == 3 ? USER : SUPERVISOR;
  const pa = resolve(linear, FETCH, which), host = physicalHost(pa);
  if (!host) { fetchedPhysical = pa; return 0; }
  const e = slot(<usize>load<u32>(TLB_FETCH), linear), page = linear & PAGE;
  if (load<u64>(e) != page) {
    claim(e, page, <u32>host - <u32>linear);
    store<u64>(e, 0, 8);
    store<u64>(e, 0, 16);
  }
  return host;
}
/** The instruction byte at a linear address, wherever it comes from. */
export function fetchByte(linear: u64): u32 {
  const host = fetchSlow(linear);
  return host ? load<u8>(host) : mmioRead(<f64>fetchedPhysical, 1) & 0xff;
}
/** Linear address of an offset in CS. */
@inline export function codeLinear(rip: u64): u64 {
  return (load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64 ? rip : <u64><u32>(load<u64>(CS_BASE) + rip);
}
