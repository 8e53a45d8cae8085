// SPDX-License-Identifier: LGPL-2.1-only
// Extended page tables: SDM 3C "The Extended Page Table Mechanism (EPT)". Guest-physical to host-physical addresses, EPT violations and
// misconfigurations.
import {
  EPT_ACCESSED_DIRTY, EPT_EXECUTE_ONLY, EPT_FEATURES, EXIT_QUALIFICATION, GUEST_LINEAR_ADDRESS,
  GUEST_PHYSICAL_ADDRESS, PHYSICAL_RESERVED, VMX_EPTP, VMX_PML_ADDRESS, VMX_PML_INDEX,
} from "../generated/layout";
import { secondary, vmExitFault } from "../vmx/vmx";
import { EptEntry, EptViolationBit, ExitReason, SecondaryControl } from "../generated/architecture";
import { NONE } from "../state/access_kind";
import { takeNmiUnblocked } from "../state/nmi_blocking";
import { structureHost, structureWritten } from "../physical/ram";
import { MTRR_TYPES, isMemoryType } from "../generated/contents";
import { fieldOf, inField } from "../state/bit_field";
import { FRAME, pageOffset, tableIndex } from "../state/page_levels";
import { addressBy, forget, noteEnd, noteEntry, recall, rightsOf } from "./ept_memo";

@inline export const EPT_READ: u32 = <u32>EptEntry.Read;
@inline export const EPT_WRITE: u32 = <u32>EptEntry.Write;
@inline export const EPT_EXECUTE: u32 = <u32>EptEntry.Execute;
@inline const RIGHTS: u32 = EPT_READ | EPT_WRITE | EPT_EXECUTE;
/** A fetch from a user-mode linear address, which has a right of its own with "mode-based execute control for EPT". */
@inline export const EPT_EXECUTE_USER: u32 = <u32>EptEntry.ExecuteUserMode;
/** The right that a fetch needs. `user`: all entries of the guest's paging structures have U/S, or paging is off. */
export function executeRight(user: bool): u32 {
  return user && secondary(SecondaryControl.ModeBasedExecuteControlForEpt) ? EPT_EXECUTE_USER : EPT_EXECUTE;
}
/** The bits of an entry that are rights. */
@inline function rightBits(): u32 {
  return secondary(SecondaryControl.ModeBasedExecuteControlForEpt) ? RIGHTS | EPT_EXECUTE_USER : RIGHTS;
}
/** Bits that must be 0 in an entry that leads to a table; in one of level 3 bit 7 too. SDM 3C "EPT Translation Mechanism". */
@inline const TABLE_RESERVED: u64 = EptEntry.MemoryType | EptEntry.IgnorePat;
/** EPTP's bit that turns accessed and dirty flags on. SDM 3C "Extended-Page-Table Pointer (EPTP)". */
@inline const EPTP_ACCESSED_DIRTY: u64 = 1 << 6;
// What an access is for.
/** The translation of a linear address. */
@inline export const TO_TRANSLATION: u32 = 0;
/** A guest paging-structure entry on the way to it. */
@inline export const TO_STRUCTURE: u32 = 1;
/** A PDPTE that MOV to a control register loads: no linear address, and a read whatever EPT's flags are. */
@inline export const TO_PDPTE: u32 = 2;

/** Entries of the page-modification log, a page of guest-physical addresses. */
@inline const PML_ENTRIES: u32 = 512;

/** True if the entry is one that the SDM calls misconfigured. Section "EPT Misconfigurations". */
function misconfigured(e: u64, rights: u32, level: i32, leaf: bool): bool {
  if ((rights & (EPT_READ | EPT_WRITE)) == EPT_WRITE) return true;                                            // writable but not readable
  if (!(rights & EPT_READ) && !(load<u32>(EPT_FEATURES) & EPT_EXECUTE_ONLY)) return true;
  if (e & load<u64>(PHYSICAL_RESERVED) & FRAME) return true;
  if (level == 3) return (e & (TABLE_RESERVED | EptEntry.Large)) != 0;
  if (!leaf) return (e & TABLE_RESERVED) != 0;
  if (!isMemoryType(fieldOf(<u32>EptEntry.MemoryType, <u32>e), MTRR_TYPES)) return true;
  return (e & FRAME & pageOffset(level)) != 0;
}

/**
 * Host-physical address of a guest-physical one; a failure is a VM exit (or all ones if `quiet`).
 * `access`: EPT_READ | EPT_WRITE, or `executeRight`. `purpose`: TO_…
 */
export function eptTranslate(gpa: u64, access: u32, linear: u64, purpose: u32, quiet: bool): u64 {
  const memo = recall(gpa, load<u64>(VMX_EPTP), rightBits());
  if (memo == 0 || (access & ~rightsOf(memo)) != 0) return eptWalk(gpa, access, linear, purpose, quiet);
  return addressBy(memo, gpa);
}

function eptWalk(gpa: u64, access: u32, linear: u64, purpose: u32, quiet: bool): u64 {
  const eptp = load<u64>(VMX_EPTP), flagsOn = (eptp & EPTP_ACCESSED_DIRTY) != 0 && (load<u32>(EPT_FEATURES) & EPT_ACCESSED_DIRTY) != 0;
  // With accessed and dirty flags, guest paging-structure accesses count as writes. SDM "Accessed and Dirty Flags for EPT".
  const wanted = purpose == TO_STRUCTURE && flagsOn ? access | EPT_WRITE : access;
  const all = rightBits();
  // a walk that sets flags is done each time
  let table = eptp & FRAME, rights = all, level: i32 = 3, keeps = !flagsOn;
  if (keeps) forget(gpa);
  for (;;) {
    // outside RAM nobody drives the bus: all bits are 1
    const host = structureHost(table + tableIndex(gpa, level) * 8);
    if (!host) keeps = false;
    const e = host ? load<u64>(host) : NONE, leaf = level == 0 || ((e & EptEntry.Large) != 0 && level < 3);
    rights &= <u32>e;
    if (!(<u32>e & all)) return violation(gpa, wanted, 0, linear, purpose, quiet);
    if (misconfigured(e, <u32>e & all, level, leaf)) return misconfiguration(gpa, quiet);
    if (leaf && (wanted & ~rights) != 0) return violation(gpa, wanted, rights, linear, purpose, quiet);
    if (flagsOn && !quiet) {
      const bits = EptEntry.Accessed | (leaf && (wanted & EPT_WRITE) != 0 ? EptEntry.Dirty : 0);
      const missing = bits & ~e;
      if (missing) {
        if (secondary(SecondaryControl.EnablePml)) logModification(gpa, (missing & EptEntry.Dirty) != 0);
        store<u64>(host, e | bits);
        structureWritten(host, sizeof<u64>());
      }
    }
    if (keeps && level) noteEntry(gpa, level, host, e);
    if (leaf) {
      const inside = pageOffset(level), frame = e & FRAME & ~inside;
      if (keeps && level) noteEnd(gpa, eptp, all, level, rights, frame, inside);
      return frame | (gpa & inside);
    }
    table = e & FRAME;
    level--;
  }
  return NONE;
}

/**
 * Before an accessed or dirty flag is set with "enable PML": a full log is a VM exit, and a page that becomes dirty gets an entry. SDM 3C
 * "Page-Modification Logging".
 */
function logModification(gpa: u64, becomesDirty: bool): void {
  const index = load<u32>(VMX_PML_INDEX);
  if (index >= PML_ENTRIES) {
    store<u64>(EXIT_QUALIFICATION, takeNmiUnblocked() ? EptViolationBit.NmiUnblockingDueToIret : 0);
    vmExitFault(ExitReason.PageModificationLogFull);
  }
  if (!becomesDirty) return;
  const host = structureHost(load<u64>(VMX_PML_ADDRESS) + index * sizeof<u64>());
  if (host) {
    store<u64>(host, gpa & ~pageOffset(0));
    structureWritten(host, sizeof<u64>());
  }
  store<u32>(VMX_PML_INDEX, (index - 1) & 0xffff);
}

function misconfiguration(gpa: u64, quiet: bool): u64 {
  if (quiet) return NONE;
  store<u64>(GUEST_PHYSICAL_ADDRESS, gpa);
  store<u64>(EXIT_QUALIFICATION, 0);
  vmExitFault(ExitReason.EptMisconfiguration);
  return NONE;
}

function violation(gpa: u64, access: u32, rights: u32, linear: u64, purpose: u32, quiet: bool): u64 {
  if (quiet) return NONE;
  store<u64>(GUEST_PHYSICAL_ADDRESS, gpa);
  store<u64>(GUEST_LINEAR_ADDRESS, linear);
  // Bits 2:0 are the access, 5:3 what the entries allow.
  let qualification = <u64>(access & EPT_EXECUTE_USER ? EPT_EXECUTE : access) | inField(EptViolationBit.Readable, rights & RIGHTS);
  if (rights & EPT_EXECUTE_USER) qualification |= EptViolationBit.ExecutableUserMode;
  if (purpose != TO_PDPTE) qualification |= EptViolationBit.ValidGuestLinearAddress;
  if (purpose == TO_TRANSLATION) qualification |= EptViolationBit.CausedByTranslation;
  if (takeNmiUnblocked()) qualification |= EptViolationBit.NmiUnblockingDueToIret;
  store<u64>(EXIT_QUALIFICATION, qualification);
  vmExitFault(ExitReason.EptViolation);
  return NONE;
}
