// SPDX-License-Identifier: LGPL-2.1-only
// Control and debug registers: SDM 3A "Control Registers", SDM 3B "Debug Registers", SDM 2B "MOV—Move to/from Control Registers"; in
// non-root operation by masks and shadows (SDM 3C "Changes to Instruction Behavior in VMX Non-Root Operation").
import { value, write } from "../memory/access";
import {
  CR0, CR2, CR3, CR4, CS_RIGHTS, DR0, DR6, DR7, EFER, GUEST_LINEAR_ADDRESS, PHYSICAL_RESERVED, RAX, VMX_CR0_FIXED0,
  VMX_CR0_FIXED1, VMX_CR0_MASK, VMX_CR0_SHADOW, VMX_CR3_TARGETS, VMX_CR3_TARGET_COUNT, VMX_CR4_FIXED0, VMX_CR4_FIXED1,
  VMX_CR4_MASK, VMX_CR4_SHADOW, VMX_MODE, TR_RIGHTS,
} from "../generated/layout";
import { in64, inLong, nonRoot, updateAttention } from "../state/mode";
import { loadPdptes } from "../translation/paging";
import { checkUmip } from "../segmentation/segment";
import { primary, vmExit } from "../vmx/vmx";
import {
  GP, UD, Cr0, Cr4, Efer, AccessRights, PrimaryControl, ExitReason, SystemSegment,
} from "../generated/architecture";
import { reportedAddress } from "../code/record";
import { raise, raiseCode, raiseDebugFault } from "../events/raise";
import { Mem, Reg, reg, setReg } from "../state/registers";
import { updateMode } from "../tlb/mode_update";
import { addressSpaceChanged, flushTlb, flushTlbNonGlobal, PAGING_CR4 } from "../tlb/tlb";
import { supervisorOnly } from "../events/privilege";

@external("env", "taskPriorityRead") declare function taskPriorityRead(): u32;
@external("env", "taskPriorityWrite") declare function taskPriorityWrite(value: u32): void;

/** Bits of CR0 that exist. */
@inline const CR0_BITS: u64 = Cr0.ProtectionEnable | Cr0.MonitorCoprocessor | Cr0.Emulation | Cr0.TaskSwitched | Cr0.ExtensionType
  | Cr0.NumericError | Cr0.WriteProtect | Cr0.AlignmentMask | Cr0.NotWriteThrough | Cr0.CacheDisable | Cr0.Paging;
/** Bits of CR4 that this processor has. */
@inline const CR4_BITS: u64 = PAGING_CR4 | Cr4.V8086ModeExtensions | Cr4.ProtectedModeVirtualInterrupts | Cr4.TimeStampDisable
  | Cr4.DebuggingExtensions | Cr4.MachineCheckEnable | Cr4.PerformanceMonitorCounterEnable | Cr4.Osfxsr | Cr4.Osxmmexcpt
  | Cr4.UserModeInstructionPrevention | Cr4.VmxEnableBit | Cr4.FsgsbaseEnableBit | Cr4.Osxsave;

@inline function general(s: Reg): u64 { return in64() ? reg<u64>(s) : <u64>reg<u32>(s); }
@inline function setGeneral(d: Reg, v: u64): void { if (in64()) setReg<u64>(d, v); else setReg<u32>(d, <u32>v); }
@inline function number(s: Reg): u64 { return <u64>((s - <u32>RAX) >> 3); }

/** True while CR3 points to PDPTEs: PAE paging outside IA-32e mode. */
function legacyPae(cr0: u64, cr4: u64, efer: u64): bool {
  return (cr0 & Cr0.Paging) != 0 && (cr4 & Cr4.PhysicalAddressExtensions) != 0 && (efer & Efer.Lma) == 0;
}

// ---- writes, without intercepts: also for the engine and the intrinsics ---------------------------------------------------------------

/** Writes CR0 with all checks; #GP(0). */
export function writeCr0(v: u64): void {
  const old = load<u64>(CR0), efer = load<u64>(EFER), cr4 = load<u64>(CR4);
  if (v >> 32) raiseCode(GP, 0);
  const cr0 = (v & CR0_BITS) | Cr0.ExtensionType;
  if ((cr0 & Cr0.Paging) != 0 && (cr0 & Cr0.ProtectionEnable) == 0) raiseCode(GP, 0);
  if ((cr0 & Cr0.NotWriteThrough) != 0 && (cr0 & Cr0.CacheDisable) == 0) raiseCode(GP, 0);
  if (load<u32>(VMX_MODE) && ((~cr0 & load<u64>(VMX_CR0_FIXED0)) != 0 || (cr0 & ~load<u64>(VMX_CR0_FIXED1)) != 0)) raiseCode(GP, 0);
  let newEfer = efer;
  if (~old & cr0 & Cr0.Paging) {
    if (efer & Efer.Lme) {
      const type = load<u32>(TR_RIGHTS) & AccessRights.Type;
      if (!(cr4 & Cr4.PhysicalAddressExtensions) || (load<u32>(CS_RIGHTS) & AccessRights.L) != 0) raiseCode(GP, 0);
      if (type == SystemSegment.Tss16Busy || type == SystemSegment.Tss16Available) raiseCode(GP, 0);
      newEfer |= Efer.Lma;
    }
  } else if (old & ~cr0 & Cr0.Paging) {
    if (in64()) raiseCode(GP, 0);
    newEfer &= ~<u64>Efer.Lma;
  }
  if (legacyPae(cr0, cr4, newEfer) && ((old ^ cr0) & (Cr0.Paging | Cr0.CacheDisable | Cr0.NotWriteThrough)) != 0
    && !loadPdptes(load<u64>(CR3))) raiseCode(GP, 0);
  store<u64>(CR0, cr0);
  store<u64>(EFER, newEfer);
  if ((old ^ cr0) & (Cr0.Paging | Cr0.WriteProtect | Cr0.ProtectionEnable)) { flushTlb(); addressSpaceChanged(); }
  updateMode();
}
/** Writes CR3; #GP(0) for reserved bits or PDPTEs. */
export function writeCr3(v: u64): void {
  if (inLong()) { if (v & load<u64>(PHYSICAL_RESERVED)) raiseCode(GP, 0); }
  else if (legacyPae(load<u64>(CR0), load<u64>(CR4), load<u64>(EFER)) && !loadPdptes(v)) raiseCode(GP, 0);
  store<u64>(CR3, v);
  flushTlbNonGlobal();
  addressSpaceChanged();
}
/** Writes CR4; #GP(0). */
export function writeCr4(v: u64): void {
  const old = load<u64>(CR4);
  if (v & ~CR4_BITS) raiseCode(GP, 0);
  if (inLong() && !(v & Cr4.PhysicalAddressExtensions)) raiseCode(GP, 0);
  if (load<u32>(VMX_MODE) && ((~v & load<u64>(VMX_CR4_FIXED0)) != 0 || (v & ~load<u64>(VMX_CR4_FIXED1)) != 0)) raiseCode(GP, 0);
  if (legacyPae(load<u64>(CR0), v, load<u64>(EFER)) && ((old ^ v) & PAGING_CR4) != 0 && !loadPdptes(load<u64>(CR3))) raiseCode(GP, 0);
  store<u64>(CR4, v);
  if ((old ^ v) & PAGING_CR4) { flushTlb(); addressSpaceChanged(); }
  updateMode();
}
/** Writes CR8; #GP(0) for bits above 3. */
export function writeCr8(v: u64): void {
  if (v & ~(<u64>15)) raiseCode(GP, 0);
  taskPriorityWrite(<u32>v << 4);
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

/** MOV r, CRn. */
export function MOV_FROM_CR(d: Reg, n: u32): void {
  if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) raise(UD);
  supervisorOnly();
  if ((n == 3 && primary(PrimaryControl.Cr3StoreExiting)) || (n == 8 && primary(PrimaryControl.Cr8StoreExiting))) {
    vmExit(ExitReason.ControlRegisterAccesses, n | 0x10 | (number(d) << 8));
    return;
  }
  if (n == 0) setGeneral(d, visibleCr0());
  else if (n == 2) setGeneral(d, load<u64>(CR2));
  else if (n == 3) setGeneral(d, load<u64>(CR3));
  else if (n == 4) setGeneral(d, shadowed(load<u64>(CR4), VMX_CR4_MASK, VMX_CR4_SHADOW));
  else setGeneral(d, <u64>(taskPriorityRead() >> 4));
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
  const v = general(s), qualification = <u64>n | (number(s) << 8);
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
      else writeCr8(v);
  }
}
/** CLTS. */
export function CLTS(): void {
  supervisorOnly();
  if (nonRoot() && (load<u64>(VMX_CR0_MASK) & Cr0.TaskSwitched) != 0) {
    if (load<u64>(VMX_CR0_SHADOW) & Cr0.TaskSwitched) vmExit(ExitReason.ControlRegisterAccesses, 0x20);
    return;
  }
  store<u64>(CR0, load<u64>(CR0) & ~<u64>Cr0.TaskSwitched);
}
/** LMSW r/m16: PE MP EM TS; PE can only be set. */
export function LMSW<D>(d: D): void {
  supervisorOnly();
  const source = <u64>value<u16, D>(d), old = load<u64>(CR0);
  const low = (source & 15) | (visibleCr0() & Cr0.ProtectionEnable);
  if (nonRoot()) {
    const mask = load<u64>(VMX_CR0_MASK), shadow = load<u64>(VMX_CR0_SHADOW);
    // PE leaves only when it is set by the instruction; MP EM TS when they differ. SDM "LMSW" in non-root operation.
    if (((source ^ shadow) & mask & 14) != 0 || (mask & source & ~shadow & 1) != 0) {
      if (sizeof<D>() == 8) store<u64>(GUEST_LINEAR_ADDRESS, reportedAddress(<u64>d));
      vmExit(ExitReason.ControlRegisterAccesses, 0x30 | (sizeof<D>() == 8 ? 0x40 : 0) | (source << 16));
      return;
    }
    writeCr0((old & ~(<u64>15)) | (((source | (old & 1)) & ~mask) & 15) | (old & mask & 15));
    return;
  }
  writeCr0((old & ~(<u64>15)) | low);
}
/** SMSW r/m: memory takes 16 bits, a register the operand size. */
export function SMSW<T, D>(d: D): void {
  checkUmip();
  const v = visibleCr0();
  if (sizeof<D>() == 4) setReg<T>(<Reg>d, <T>v); else write<u16>(<Mem>d, <u16>v);
}

/**
 * MOV-DR exiting goes first; then #UD for DR4 and DR5 with CR4.DE, privilege, general detect. @returns the number of the register, 8 if
 * the instruction left for the VMM.
 */
function debugRegister(n: u32, s: Reg, from: u64): u32 {
  if (n > 7) raise(UD);
  if (primary(PrimaryControl.MovDrExiting)) { vmExit(ExitReason.MovDr, <u64>n | (from << 4) | (number(s) << 8)); return 8; }
  if ((n == 4 || n == 5) && (load<u32>(CR4) & 8) != 0) raise(UD);
  supervisorOnly();
  if (load<u64>(DR7) & 0x2000) raiseDebugFault(0x2000);
  return n == 4 || n == 5 ? n + 2 : n;
}
function debugSlot(n: u32): usize { return n < 4 ? DR0 + n * 8 : n == 6 ? DR6 : DR7; }
/** MOV r, DRn. */
export function MOV_FROM_DR(d: Reg, n: u32): void {
  const r = debugRegister(n, d, 1);
  if (r != 8) setGeneral(d, load<u64>(debugSlot(r)));
}
/** MOV DRn, r. */
export function MOV_TO_DR(n: u32, s: Reg): void {
  const r = debugRegister(n, s, 0);
  if (r == 8) return;
  let v = general(s);
  if (r >= 6) {
    if (v >> 32) raiseCode(GP, 0);
    v = r == 6 ? (v & 0xefff) | 0xffff0ff0 : (v & 0xffff2bff) | 0x400;
  }
  store<u64>(debugSlot(r), v);
  flushTlb();                                          // pages with data breakpoints have no tags
  updateAttention();
}
