// SPDX-License-Identifier: LGPL-2.1-only
// From linear to physical addresses: SDM 3A "Paging", SDM 3C "VMX Support for Address Translation". Page walks and page faults; the TLBs
// keep what they find, operand.ts is the slow path of every access.
import {
  CR0, CR3, CR4, EFER, LINEAR_ADDRESS_WIDTH, PDPTE0, PHYSICAL_BITS, PHYSICAL_RESERVED, ZERO,
} from "../generated/layout";
import { FETCH, NONE, PAGE, READ, READ_WRITE, SUPERVISOR_AC, USER, WRITE } from "../state/access_kind";
import { eptTranslate, executeRight, EPT_READ, EPT_WRITE, TO_PDPTE, TO_STRUCTURE, TO_TRANSLATION } from "./ept";
import { Cr4, Efer, Cr0, PageFaultError, PageTableEntry, PageTableEntryHigh } from "../generated/architecture";
import { isPdpte, pdpteTable } from "../generated/contents";
import { apicAccessExit, apicStructureExit, isApicAccess } from "../virtual_apic/apic_access";
import { raisePageFault } from "../events/raise";
import { accessedHost, structureWritten, usesEpt } from "../physical/ram";
import { dataTlb, slot } from "../tlb/context";
import { empty, ENTRY_GLOBAL, ENTRY_LARGE } from "../tlb/tlb";
import { FRAME, pageOffset, tableIndex } from "../state/page_levels";

@inline const PTE_PRESENT: u64 = PageTableEntry.Present;
@inline const PTE_WRITE: u64 = PageTableEntry.Rw;
@inline const PTE_USER: u64 = PageTableEntry.Us;
@inline const PTE_ACCESSED: u64 = PageTableEntry.Accessed;
@inline const PTE_DIRTY: u64 = PageTableEntry.Dirty;
@inline const PTE_LARGE: u64 = PageTableEntry.Ps;
@inline const PTE_GLOBAL: u64 = PageTableEntry.Global;
@inline const PTE_NX: u64 = PageTableEntryHigh.Nx << 32;
/** Bits 62:52, which PAE paging reserves. SDM 3A "PAE Paging". */
@inline const PAE_RESERVED: u64 = 0x7ff0000000000000;
/** The PAT bit of an entry that maps a large page, which is in the lowest bit of the address. */
@inline const LARGE_PAT: u64 = 1 << 12;
/** The lowest bit of the address of a 4-MiB page; below it are bits 39:32 of the address (PSE-36). SDM 3A "32-Bit Paging". */
@inline const LARGE32_SHIFT: u64 = 22;
@inline const LARGE32_HIGH_SHIFT: u64 = 13;
@inline const LARGE32_OFFSET: u64 = (1 << LARGE32_SHIFT) - 1;
/** Entries of the table that CR3 names in PAE paging. */
@inline const PDPTES: usize = 4;
@inline const FRAME32: u64 = 0xfffff000;

/** Bits of CR0, CR4 and IA32_EFER that decide about translations. */

/** True if all bits are equal from the highest bit of a linear address upwards. */
@inline export function canonical(a: u64): bool { return (<i64>a << (64 - LINEAR_ADDRESS_WIDTH)) >> (64 - LINEAR_ADDRESS_WIDTH) == <i64>a; }

/** Results of `walk`: physical address after EPT, page flags, error code of the page fault. */
export let walkPhysical: u64 = 0;
export let walkFlags: u32 = 0;
let walkCode: u32 = 0;

/** What a bus that nobody drives reads as. */
export const OPEN_BUS: usize = memory.data<u64>([0xffffffffffffffff]);
/** Address of a paging-structure entry; outside RAM nobody drives the bus: all bits are 1, which most formats call reserved. */
function entryAt(pa: u64, linear: u64, write: bool, quiet: bool, purpose: u32 = TO_STRUCTURE): usize {
  let at = pa;
  if (usesEpt()) {
    at = eptTranslate(pa, write ? EPT_READ | EPT_WRITE : EPT_READ, linear, purpose, quiet);
    if (at == NONE) return ZERO;
    if (!quiet && isApicAccess(at)) apicStructureExit();
  }
  const host = accessedHost(at);
  return host ? host : OPEN_BUS;
}
/** Sets bits of a paging-structure entry. `size`: 4 or 8 bytes. */
function mark(pa: u64, bits: u64, linear: u64): void {
  const host = entryAt(pa, linear, true, false);
  if (host == ZERO || host == OPEN_BUS) return;
  store<u8>(host, load<u8>(host) | <u8>bits);
  structureWritten(host, 1);
}

/** Error code of a page fault. SDM 3A "Page-Fault Exceptions". */
function faultCode(reason: u32, kind: u32, user: bool): u32 {
  const fetchBit = kind == FETCH
    && (((load<u32>(CR4) & Cr4.PhysicalAddressExtensions) != 0 && (load<u32>(EFER) & Efer.Nxe) != 0)
    || (load<u32>(CR4) & Cr4.SmepEnableBit) != 0);
  return reason | (kind == WRITE || kind == READ_WRITE ? PageFaultError.Write : 0) | (user ? PageFaultError.User : 0)
    | (fetchBit ? PageFaultError.InstructionFetch : 0);
}

/** True if the rights of all levels (ANDed, NX ORed into bit 63) allow the access. SDM 3A "Determination of Access Rights". */
function permitted(rights: u64, kind: u32, which: u32): bool {
  const write = kind == WRITE || kind == READ_WRITE;
  if (kind == FETCH && (rights & PTE_NX) != 0) return false;
  if (which == USER) return (rights & PTE_USER) != 0 && (!write || (rights & PTE_WRITE) != 0);
  if (write && !(rights & PTE_WRITE) && (load<u32>(CR0) & Cr0.WriteProtect) != 0) return false;
  if (!(rights & PTE_USER)) return true;
  if (kind == FETCH) return (load<u32>(CR4) & Cr4.SmepEnableBit) == 0;
  return which == SUPERVISOR_AC || (load<u32>(CR4) & Cr4.SmapEnableBit) == 0;
}

/** Bits that must be 0 in a 64-bit entry. SDM 3A "Reserved Bits" of the page-fault error code. */
function reserved64(level: i32, e: u64, legacyPae: bool): u64 {
  let r = load<u64>(PHYSICAL_RESERVED) & FRAME;
  if (!(load<u32>(EFER) & Efer.Nxe)) r |= PTE_NX;
  if (legacyPae) r |= PAE_RESERVED;
  if (level == 3) return r | PTE_LARGE;
  if (level == 0 || !(e & PTE_LARGE)) return r;
  return r | (pageOffset(level) & FRAME & ~LARGE_PAT);
}

/**
 * The end of a walk: translates by EPT. `user`: a user-mode linear address, as EPT takes it. `flags` are those of the guest's page: INVLPG
 * drops all pieces of a page that the guest's paging structures call large, whatever pages EPT has. SDM 3A "Operations that Invalidate TLBs
 * and Paging-Structure Caches".
 */
function finish(gpa: u64, linear: u64, kind: u32, user: bool, flags: u32, quiet: bool): bool {
  walkFlags = flags;
  walkPhysical = gpa;
  if (usesEpt()) {
    const wanted = kind == FETCH ? executeRight(user) : kind == READ ? EPT_READ : EPT_READ | EPT_WRITE;
    walkPhysical = eptTranslate(gpa, kind == WRITE ? EPT_WRITE : wanted, linear, TO_TRANSLATION, quiet);
    return walkPhysical != NONE;
  }
  return true;
}

function walk64(linear: u64, kind: u32, which: u32, quiet: bool): bool {
  const legacyPae = !(load<u32>(EFER) & Efer.Lma);
  let level: i32 = 3, table = load<u64>(CR3) & FRAME, rights: u64 = PTE_WRITE | PTE_USER, nx: u64 = 0;
  let upper0 = NONE, upper1 = NONE, upper2 = NONE;
  if (legacyPae) {
    const pdpte = load<u64>(PDPTE0 + (<usize>(linear >> 30) & (PDPTES - 1)) * 8);
    if (!(pdpte & PTE_PRESENT)) { walkCode = faultCode(0, kind, which == USER); return false; }
    table = pdpte & FRAME;
    level = 1;
  }
  for (;;) {
    const pa = table + tableIndex(linear, level) * 8;
    const e = load<u64>(entryAt(pa, linear, false, quiet));
    if (!(e & PTE_PRESENT)) { walkCode = faultCode(0, kind, which == USER); return false; }
    if (e & reserved64(level, e, legacyPae)) { walkCode = faultCode(PageFaultError.Present
      | PageFaultError.ReservedBit, kind, which == USER); return false; }
    rights &= e;
    nx |= e & PTE_NX;
    const leaf = level == 0 || (e & PTE_LARGE) != 0;
    if (leaf) {
      if (!permitted(rights | nx, kind, which)) { walkCode = faultCode(PageFaultError.Present, kind, which == USER); return false; }
      const want = PTE_ACCESSED | (kind == WRITE || kind == READ_WRITE ? PTE_DIRTY : 0);
      // a walk that faults marks no entry, as the 80386 did; later processors may mark the upper ones
      if (upper2 != NONE) mark(upper2, PTE_ACCESSED, linear);
      if (upper1 != NONE) mark(upper1, PTE_ACCESSED, linear);
      if (upper0 != NONE) mark(upper0, PTE_ACCESSED, linear);
      if (!quiet && (e & want) != want) mark(pa, want, linear);
      const inside = pageOffset(level);
      const flags = (e & PTE_GLOBAL) != 0 && (load<u32>(CR4) & Cr4.PageGlobalEnable) != 0 ? ENTRY_GLOBAL : 0;
      const gpa = (e & FRAME & ~inside) | (linear & inside), user = (rights & PTE_USER) != 0;
      return finish(gpa, linear, kind, user, flags | (level ? ENTRY_LARGE : 0), quiet);
    }
    if (!quiet && !(e & PTE_ACCESSED)) { upper2 = upper1; upper1 = upper0; upper0 = pa; }
    table = e & FRAME;
    level--;
  }
  return false;
}

/** Two-level paging of 32-bit entries, 4-MiB pages with CR4.PSE, PSE-36 up to 40 bits. SDM 3A "32-Bit Paging". */
function walk32(linear: u64, kind: u32, which: u32, quiet: bool): bool {
  const pdeAt = (load<u64>(CR3) & FRAME32) + ((linear >> LARGE32_SHIFT) & 1023) * 4;
  const pde = <u64>load<u32>(entryAt(pdeAt, linear, false, quiet));
  if (!(pde & PTE_PRESENT)) { walkCode = faultCode(0, kind, which == USER); return false; }
  const want = PTE_ACCESSED | (kind == WRITE || kind == READ_WRITE ? PTE_DIRTY : 0);
  const pge = (load<u32>(CR4) & Cr4.PageGlobalEnable) != 0;
  if ((pde & PTE_LARGE) != 0 && (load<u32>(CR4) & Cr4.PageSizeExtensions) != 0) {
    const bits = load<u32>(PHYSICAL_BITS), high = bits >= 40 ? 8 : bits > 32 ? bits - 32 : 0;
    const allowed = ((<u64>1 << high) - 1) << LARGE32_HIGH_SHIFT;
    if (pde & LARGE32_OFFSET & FRAME32 & ~LARGE_PAT & ~allowed) { walkCode = faultCode(PageFaultError.Present
      | PageFaultError.ReservedBit, kind, which == USER); return false; }
    if (!permitted(pde & (PTE_WRITE | PTE_USER), kind, which)) { walkCode = faultCode(PageFaultError.Present, kind,
      which == USER); return false; }
    if (!quiet && (pde & want) != want) mark(pdeAt, want, linear);
    const gpa = (pde & ~LARGE32_OFFSET) | ((pde & allowed) << (32 - LARGE32_HIGH_SHIFT)) | (linear & LARGE32_OFFSET);
    return finish(gpa, linear, kind, (pde & PTE_USER) != 0, ENTRY_LARGE | (pge && (pde & PTE_GLOBAL) != 0 ? ENTRY_GLOBAL : 0), quiet);
  }
  const pteAt = (pde & FRAME32) + ((linear >> 12) & 1023) * 4;
  const pte = <u64>load<u32>(entryAt(pteAt, linear, false, quiet));
  if (!(pte & PTE_PRESENT)) { walkCode = faultCode(0, kind, which == USER); return false; }
  if (!permitted(pde & pte & (PTE_WRITE | PTE_USER), kind, which)) { walkCode = faultCode(PageFaultError.Present, kind,
    which == USER); return false; }
  if (!quiet && !(pde & PTE_ACCESSED)) mark(pdeAt, PTE_ACCESSED, linear);
  if (!quiet && (pte & want) != want) mark(pteAt, want, linear);
  const user = (pde & pte & PTE_USER) != 0;
  return finish((pte & FRAME32) | (linear & 0xfff), linear, kind, user, pge && (pte & PTE_GLOBAL) != 0 ? ENTRY_GLOBAL : 0, quiet);
}

/**
 * Walks the paging structures; the result is in walkPhysical and walkFlags, or walkCode. @returns false for a page fault. `quiet`: no A/D
 * flags.
 */
export function walk(linear: u64, kind: u32, which: u32, quiet: bool): bool {
  if (!(load<u32>(CR0) & Cr0.Paging)) return finish(linear, linear, kind, true, 0, quiet);
  if (load<u32>(CR4) & Cr4.PhysicalAddressExtensions) return walk64(linear, kind, which, quiet);
  return walk32(linear, kind, which, quiet);
}

/** The same for an access that is not virtualized if it meets the APIC-access page. */
export function resolve(linear: u64, kind: u32, which: u32): u64 {
  const pa = translate(linear, kind, which);
  if (isApicAccess(pa)) apicAccessExit(pa, kind);
  return pa;
}

/** Physical address for an access, or a page fault or VM exit. */
export function translate(linear: u64, kind: u32, which: u32): u64 {
  if (!walk(linear, kind, which, false)) {
    for (let i: u32 = 0; i < 3; i++) {              // a page fault drops the page's translations: SDM "Operations that Invalidate TLBs"
      const e = slot(dataTlb(i), linear);
      if (load<u64>(e) == (linear & PAGE)) empty(e);
    }
    raisePageFault(linear, walkCode);
  }
  return walkPhysical;
}

/**
 * For debuggers: physical address of a linear one without faults or A/D updates, all ones if there is none. `kind`: READ, WRITE or FETCH.
 */
export function translateQuietly(linear: u64, kind: u32, user: u32): u64 {
  if ((load<u32>(EFER) & Efer.Lma) != 0 && !canonical(linear)) return NONE;
  return walk(linear, kind, user ? USER : SUPERVISOR_AC, true) ? walkPhysical : NONE;
}

/**
 * Loads the four PDPTEs of PAE paging from the table at `cr3`. @returns false if a reserved bit is set (the caller raises #GP). SDM 3A
 * "PDPTE Registers".
 */
export function loadPdptes(cr3: u64): bool {
  const table = <u64><u32>pdpteTable(<i32>cr3), bits = load<i32>(PHYSICAL_BITS);
  for (let pass = 0; pass < 2; pass++) for (let i: usize = 0; i < PDPTES; i++) {
    const e = load<u64>(entryAt(table + i * 8, 0, false, false, TO_PDPTE));
    if (pass) store<u64>(PDPTE0 + i * 8, e);
    else if (!isPdpte(<i32>e, <i32>(e >> 32), bits)) return false;
  }
  return true;
}
