// SPDX-License-Identifier: LGPL-2.1-only
// Control and debug registers: SDM 3A "Control Registers", SDM 3B "Debug Registers", SDM 2B "MOV—Move to/from Control Registers"; in
// non-root operation by masks and shadows (SDM 3C "Changes to Instruction Behavior in VMX Non-Root Operation").
import { value, write } from "../memory/access";
import {
  CR0, CR2, CR3, CR4, CR4_ALLOWED, CS_RIGHTS, DR0, DR6, DR7, EFER, GUEST_LINEAR_ADDRESS, PHYSICAL_BITS, RAX,
  VMX_CR0_FIXED0, VMX_CR0_FIXED1, VMX_CR0_MASK, VMX_CR0_SHADOW, VMX_CR3_TARGETS, VMX_CR3_TARGET_COUNT, VMX_CR4_FIXED0,
  VMX_CR4_FIXED1, VMX_CR4_MASK, VMX_CR4_SHADOW, VMX_MODE, TR_RIGHTS,
} from "../generated/layout";
import { in64, inLong, nonRoot, updateAttention } from "../state/mode";
import { loadPdptes } from "../translation/paging";
import { checkUmip } from "../segmentation/segment";
import { primary, vmExit } from "../vmx/vmx";
import {
  ApicRegister, GP, UD,
  ControlRegisterAccess, ControlRegisterAccessType, Cr0, Cr4, DebugRegisterAccess, Dr6, Dr7, Efer, ExitReason, Msr, PrimaryControl,
} from "../generated/architecture";
import {
  CR0_BITS, CR3_KEEPS_TRANSLATIONS_HIGH, dr6After, dr7After, isCr0, isCr3High, isCr4, isCr8, mayChangePcide, mayEnterIa32eMode,
    mayLeavePaging, PDPTE_LOADING_CR0, PDPTE_LOADING_CR4, usesPdptes,
} from "../generated/contents";
import { inField } from "../state/bit_field";
import { reportedAddress } from "../code/record";
import { raise, raiseCode, raiseDebugFault } from "../events/raise";
import { Mem, Reg, reg, setReg } from "../state/registers";
import { updateMode } from "../tlb/mode_update";
import { addressSpaceChanged, flushAllTlbs, flushTlb, flushTlbNonGlobal, PAGING_CR4 } from "../tlb/tlb";
import { noteApicWrite } from "../state/virtual_apic_state";
import { storeMsr } from "../state/watched_msr";
import { hasTprShadow, readVirtual, writeVirtual } from "../virtual_apic/virtual_apic";
import { supervisorOnly } from "../events/privilege";

@external("env", "taskPriorityRead") declare function taskPriorityRead(): u32;
@external("env", "taskPriorityWrite") declare function taskPriorityWrite(value: u32): void;

@inline function general(s: Reg): u64 { return in64() ? reg<u64>(s) : <u64>reg<u32>(s); }
@inline function setGeneral(d: Reg, v: u64): void { if (in64()) setReg<u64>(d, v); else setReg<u32>(d, <u32>v); }
@inline function number(s: Reg): u64 { return <u64>((s - <u32>RAX) >> 3); }

/** Bits 31:0 and 63:32, as contents.ts takes them. */
@inline function low(v: u64): i32 { return <i32>v; }
@inline function high(v: u64): i32 { return <i32>(v >> 32); }

// ---- writes, without intercepts: also for the engine and the intrinsics ---------------------------------------------------------------

/** Writes CR0 with all checks; #GP(0). */
export function writeCr0(v: u64): void {
  const old = load<u64>(CR0), efer = load<u64>(EFER), cr4 = load<u64>(CR4);
  if (!isCr0(low(v), high(v))) raiseCode(GP, 0);
  const cr0 = (v & CR0_BITS) | Cr0.ExtensionType, cs = load<i32>(CS_RIGHTS);
  if (load<u32>(VMX_MODE) && ((~cr0 & load<u64>(VMX_CR0_FIXED0)) != 0 || (cr0 & ~load<u64>(VMX_CR0_FIXED1)) != 0)) raiseCode(GP, 0);
  let newEfer = efer;
  if (~old & cr0 & Cr0.Paging) {
    if (efer & Efer.Lme) {
      if (!mayEnterIa32eMode(low(cr4), cs, load<i32>(TR_RIGHTS))) raiseCode(GP, 0);
      newEfer |= Efer.Lma;
    }
  } else if (old & ~cr0 & Cr0.Paging) {
    if (!mayLeavePaging(low(cr4), cs, inLong())) raiseCode(GP, 0);
    newEfer &= ~<u64>Efer.Lma;
  }
  if (((old ^ cr0) & PDPTE_LOADING_CR0) != 0 && usesPdptes(low(cr0), low(cr4), low(newEfer)) && !loadPdptes(load<u64>(CR3)))
    raiseCode(GP, 0);
  store<u64>(CR0, cr0);
  if (newEfer != efer) storeMsr(Msr.Ia32Efer, EFER, newEfer);
  if ((old ^ cr0) & (Cr0.Paging | Cr0.WriteProtect | Cr0.ProtectionEnable)) { flushTlb(); addressSpaceChanged(); }
  updateMode();
}
/** Writes CR3; #GP(0) for reserved bits or PDPTEs. Bit 63 only allows the processor to keep translations: it keeps none. */
export function writeCr3(v: u64): void {
  if (inLong()) { if (!isCr3High(high(v), load<i32>(CR4), load<i32>(PHYSICAL_BITS))) raiseCode(GP, 0); }
  else if (usesPdptes(load<i32>(CR0), load<i32>(CR4), load<i32>(EFER)) && !loadPdptes(v)) raiseCode(GP, 0);
  store<u64>(CR3, load<u32>(CR4) & Cr4.PcidEnableBit ? v & ~(<u64>CR3_KEEPS_TRANSLATIONS_HIGH << 32) : v);
  flushTlbNonGlobal();
  addressSpaceChanged();
}
/** Writes CR4; #GP(0). */
export function writeCr4(v: u64): void {
  const old = load<u64>(CR4);
  if (!isCr4(low(v), high(v), load<i32>(CR4_ALLOWED), inLong()) || !mayChangePcide(low(v), low(old), load<i32>(CR3))) raiseCode(GP, 0);
  if (load<u32>(VMX_MODE) && ((~v & load<u64>(VMX_CR4_FIXED0)) != 0 || (v & ~load<u64>(VMX_CR4_FIXED1)) != 0)) raiseCode(GP, 0);
  if (((old ^ v) & PDPTE_LOADING_CR4) != 0 && usesPdptes(load<i32>(CR0), low(v), load<i32>(EFER))
    && !loadPdptes(load<u64>(CR3))) raiseCode(GP, 0);
  store<u64>(CR4, v);
  if ((old ^ v) & PAGING_CR4) { flushTlb(); addressSpaceChanged(); }
  updateMode();
}
/** Writes CR8; #GP(0) for bits above 3. */
export function writeCr8(v: u64): void {
  if (!isCr8(low(v), high(v))) raiseCode(GP, 0);
  taskPriorityWrite(<u32>v << 4);
}

/** MOV to CR8 with "use TPR shadow"; #GP(0) for bits above 3. SDM 3C "Virtualizing CR8-Based TPR Accesses". */
function writeVirtualCr8(v: u64): void {
  if (!isCr8(low(v), high(v))) raiseCode(GP, 0);
  writeVirtual(ApicRegister.TaskPriority, <u32>v << 4);
  noteApicWrite(ApicRegister.TaskPriority);
}

// ---- instructions -----------------------------------------------------------------------------------------------------------------------

/** CR0 or CR4 as the guest sees it: masked bits come from the read shadow. */
function shadowed(v: u64, mask: usize, shadow: usize): u64 {
  if (!nonRoot()) return v;
  const m = load<u64>(mask);
  return (v & ~m) | (load<u64>(shadow) & m);
}
/** CR0 as software reads it. */
export function visibleCr0(): u64 { return shadowed(load<u64>(CR0), VMX_CR0_MASK, VMX_CR0_SHADOW); }

/** The exit qualification of MOV to and from CRn. */
function access(n: u32, type: u32, r: Reg): u64 {
  return <u64>n | inField(ControlRegisterAccess.AccessType, type) | inField(ControlRegisterAccess.GeneralPurposeRegister, number(r));
}
/** MOV r, CRn. */
export function MOV_FROM_CR(d: Reg, n: u32): void {
  if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) raise(UD);
  supervisorOnly();
  if ((n == 3 && primary(PrimaryControl.Cr3StoreExiting)) || (n == 8 && primary(PrimaryControl.Cr8StoreExiting))) {
    vmExit(ExitReason.ControlRegisterAccesses, access(n, ControlRegisterAccessType.MovFromCr, d));
    return;
  }
  if (n == 0) setGeneral(d, visibleCr0());
  else if (n == 2) setGeneral(d, load<u64>(CR2));
  else if (n == 3) setGeneral(d, load<u64>(CR3));
  else if (n == 4) setGeneral(d, shadowed(load<u64>(CR4), VMX_CR4_MASK, VMX_CR4_SHADOW));
  else setGeneral(d, <u64>(hasTprShadow() ? (readVirtual(ApicRegister.TaskPriority) & 0xff) >> 4 : taskPriorityRead() >> 4));
}
/** True if the guest may not write this value: a masked bit would differ from the shadow. */
function masked(v: u64, mask: usize, shadow: usize): bool { return nonRoot() && ((v ^ load<u64>(shadow)) & load<u64>(mask)) != 0; }
function targetListed(v: u64): bool {
  for (let i: u32 = 0, n = load<u32>(VMX_CR3_TARGET_COUNT); i < n; i++) if (load<u64>(VMX_CR3_TARGETS + i * 8) == v) return true;
  return false;
}
/** MOV CRn, r. */
export function MOV_TO_CR(n: u32, s: Reg): void {
  if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) raise(UD);
  supervisorOnly();
  const v = general(s), qualification = access(n, ControlRegisterAccessType.MovToCr, s);
  switch (n) {
    case 0:
      if (masked(v, VMX_CR0_MASK, VMX_CR0_SHADOW)) vmExit(ExitReason.ControlRegisterAccesses, qualification);
      else writeCr0(nonRoot() ? (load<u64>(CR0) & load<u64>(VMX_CR0_MASK)) | (v & ~load<u64>(VMX_CR0_MASK)) : v);
      return;
    case 2: store<u64>(CR2, v); return;
    case 3:
      if (primary(PrimaryControl.Cr3LoadExiting) && !targetListed(v)) vmExit(ExitReason.ControlRegisterAccesses, qualification);
      else writeCr3(v);
      return;
    case 4:
      if (masked(v, VMX_CR4_MASK, VMX_CR4_SHADOW)) vmExit(ExitReason.ControlRegisterAccesses, qualification);
      else writeCr4(nonRoot() ? (load<u64>(CR4) & load<u64>(VMX_CR4_MASK)) | (v & ~load<u64>(VMX_CR4_MASK)) : v);
      return;
    default:
      if (primary(PrimaryControl.Cr8LoadExiting)) vmExit(ExitReason.ControlRegisterAccesses, qualification);
      else if (hasTprShadow()) writeVirtualCr8(v);
      else writeCr8(v);
  }
}
/** CLTS. */
export function CLTS(): void {
  supervisorOnly();
  if (nonRoot() && (load<u64>(VMX_CR0_MASK) & Cr0.TaskSwitched) != 0) {
    if (load<u64>(VMX_CR0_SHADOW) & Cr0.TaskSwitched) vmExit(ExitReason.ControlRegisterAccesses,
      inField(ControlRegisterAccess.AccessType, ControlRegisterAccessType.Clts));
    return;
  }
  store<u64>(CR0, load<u64>(CR0) & ~<u64>Cr0.TaskSwitched);
}
/** The bits that LMSW writes. */
@inline const MACHINE_STATUS: u64 = Cr0.ProtectionEnable | Cr0.MonitorCoprocessor | Cr0.Emulation | Cr0.TaskSwitched;
/** LMSW r/m16: PE MP EM TS; PE can only be set. */
export function LMSW<D>(d: D): void {
  supervisorOnly();
  const source = <u64>value<u16, D>(d), old = load<u64>(CR0);
  const status = (source & MACHINE_STATUS) | (visibleCr0() & Cr0.ProtectionEnable);
  if (nonRoot()) {
    const mask = load<u64>(VMX_CR0_MASK), shadow = load<u64>(VMX_CR0_SHADOW), others = MACHINE_STATUS & ~<u64>Cr0.ProtectionEnable;
    // PE leaves only when it is set by the instruction; MP EM TS when they differ. SDM "LMSW" in non-root operation.
    if (((source ^ shadow) & mask & others) != 0 || (mask & source & ~shadow & Cr0.ProtectionEnable) != 0) {
      let qualification = inField(ControlRegisterAccess.AccessType, ControlRegisterAccessType.Lmsw)
        | inField(ControlRegisterAccess.SourceData, source);
      if (sizeof<D>() == 8) {
        store<u64>(GUEST_LINEAR_ADDRESS, reportedAddress(<u64>d));
        qualification |= ControlRegisterAccess.LmswOperandType;
      }
      vmExit(ExitReason.ControlRegisterAccesses, qualification);
      return;
    }
    writeCr0((old & ~MACHINE_STATUS) | (((source | (old & Cr0.ProtectionEnable)) & ~mask) & MACHINE_STATUS)
      | (old & mask & MACHINE_STATUS));
    return;
  }
  writeCr0((old & ~MACHINE_STATUS) | status);
}
/** SMSW r/m: memory takes 16 bits, a register the operand size. */
export function SMSW<T, D>(d: D): void {
  checkUmip();
  const v = visibleCr0();
  if (sizeof<D>() == 4) setReg<T>(<Reg>d, <T>v); else write<u16>(<Mem>d, <u16>v);
}

/** In place of a debug register's number: the instruction left for the VMM. */
@inline const LEFT: u32 = 8;
/**
 * MOV-DR exiting goes first; then #UD for DR4 and DR5 with CR4.DE, privilege, general detect. @returns the number of the register, or
 * LEFT.
 */
function debugRegister(n: u32, s: Reg, direction: u64): u32 {
  if (n > 7) raise(UD);
  if (primary(PrimaryControl.MovDrExiting)) { vmExit(ExitReason.MovDr, <u64>n | direction
    | inField(DebugRegisterAccess.GeneralPurposeRegister, number(s))); return LEFT; }
  if ((n == 4 || n == 5) && (load<u32>(CR4) & Cr4.DebuggingExtensions) != 0) raise(UD);
  supervisorOnly();
  if (load<u64>(DR7) & Dr7.GeneralDetect) raiseDebugFault(Dr6.BD);
  return n == 4 || n == 5 ? n + 2 : n;
}
function debugSlot(n: u32): usize { return n < 4 ? DR0 + n * 8 : n == 6 ? DR6 : DR7; }
/** MOV r, DRn. */
export function MOV_FROM_DR(d: Reg, n: u32): void {
  const r = debugRegister(n, d, DebugRegisterAccess.DirectionOfAccess);
  if (r != LEFT) setGeneral(d, load<u64>(debugSlot(r)));
}
/** MOV DRn, r. */
export function MOV_TO_DR(n: u32, s: Reg): void {
  const r = debugRegister(n, s, 0);
  if (r == LEFT) return;
  let v = general(s);
  if (r >= 6) {
    if (v >> 32) raiseCode(GP, 0);
    v = <u64><u32>(r == 6 ? dr6After(low(v)) : dr7After(low(v)));
  }
  store<u64>(debugSlot(r), v);
  // Pages with data breakpoints have no tags. In root operation the new breakpoints may be for the guest.
  if (nonRoot()) flushTlb(); else flushAllTlbs();
  updateAttention();
}
