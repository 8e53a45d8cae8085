// SPDX-License-Identifier: LGPL-2.1-only
// Model-specific registers: SDM 4 "Model-Specific Registers". The core's own are words of the layout; plain ones and constants are in the
// model's MSR table; the local APIC's go to the bus. Time-stamp counter: SDM 3B "Time-Stamp Counter".
import {
  BUS_VALUE, TSC_OFFSET, TSC_ADJUST, TSC_AUX, SPEC_CTRL, XSS, STAR, LSTAR, CSTAR,
  FMASK, KERNEL_GS_BASE, FS_BASE, GS_BASE, SYSENTER_CS, SYSENTER_ESP, SYSENTER_EIP, PAT, APIC_BASE, MISC_ENABLE,
  DEBUGCTL, FEATURE_CONTROL, MTRR_DEF_TYPE, MTRR_PHYS, MTRR_FIX, EFER, CR0, MSR_TABLE, MSR_TABLE_BYTES,
  MSR_COUNT, PROCESSOR_ID, PHYSICAL_RESERVED,
  RCX, RAX, RDX, CPL, CR4, STOP, UNIMPLEMENTED_LAST_BRANCH_RECORDS, VMX_MSR_BITMAP, VMX_TSC_OFFSET,
  VMX_TSC_MULTIPLIER, VMX_PREEMPTION_DEADLINE, VMX_PRIMARY, VMX_SECONDARY,
} from "../generated/layout";
import { nonRoot, updateAttention } from "../state/mode";
import { pin, primary, secondary, vmExit } from "../vmx/vmx";
import {
  GP, UD, ApicBase, Cr4, Debugctl, Efer, ExitReason, FeatureControl, MiscEnable, MiscEnableHigh, Msr, PinBasedControl, PrimaryControl,
  SecondaryControl, X2apicMsr, LastBranchMsr,
} from "../generated/architecture";
import { eferAfter, hasLowHalfOnly, isAnnounced, isCommand, isMsrValue, mayChangeEfer, MTRR_PAIRS } from "../generated/contents";
import { MODEL_ENTRY_BYTES, MsrEntry, MsrEntryFlag } from "../generated/model_tables";
import { hasX2apic } from "./cpuid_leaves";
import { raise, raiseCode, stopUnimplemented } from "../events/raise";
import { structureHost } from "../physical/ram";
import { retired } from "../state/instruction";
import { Reg, reg, setReg } from "../state/registers";
import { isVirtualMsr, readVirtualMsr, writeVirtualMsr } from "../virtual_apic/x2apic";
import { msrWritten, watchesMsr } from "../state/watched_msr";
import { updateMode } from "../tlb/mode_update";
import { addressSpaceChanged, flushTlb } from "../tlb/tlb";

@external("env", "msrRead") declare function busRead(index: u32): u32;
@external("env", "msrWrite") declare function busWrite(index: u32, low: u32, high: u32): u32;

/** The time-stamp counter without VMX offset. */
export function timeStamp(): u64 { return retired() + load<u64>(TSC_OFFSET); }
/** Upper half of a 64 × 64-bit product. */
function multiplyHigh(a: u64, b: u64): u64 {
  const al = a & 0xffffffff, ah = a >> 32, bl = b & 0xffffffff, bh = b >> 32;
  const m = ah * bl + (al * bl >> 32), n = al * bh + (m & 0xffffffff);
  return ah * bh + (m >> 32) + (n >> 32);
}
/** What RDTSC, RDTSCP and RDMSR of IA32_TIME_STAMP_COUNTER give: in non-root operation scaled and offset. */
function visibleTimeStamp(): u64 {
  let v = timeStamp();
  if (!primary(PrimaryControl.UseTscOffsetting)) return v;
  if (secondary(SecondaryControl.UseTscScaling)) {
    const m = load<u64>(VMX_TSC_MULTIPLIER);
    v = (multiplyHigh(v, m) << 16) | ((v * m) >> 48);
  }
  return v + load<u64>(VMX_TSC_OFFSET);
}

/** Word of an MSR that is kept in the layout and has no rule of its own for reading; 0 if there is no such word. */
function word(index: u32): usize {
  switch (index) {
    case Msr.Ia32ApicBase: return APIC_BASE;
    case Msr.Ia32FeatureControl: return FEATURE_CONTROL;
    case Msr.Ia32TscAdjust: return TSC_ADJUST;
    case Msr.Ia32SysenterCs: return SYSENTER_CS;
    case Msr.Ia32SysenterEsp: return SYSENTER_ESP;
    case Msr.Ia32SysenterEip: return SYSENTER_EIP;
    case Msr.Ia32MiscEnable: return MISC_ENABLE;
    case Msr.Ia32Debugctl: return DEBUGCTL;
    case Msr.Ia32MtrrFix64k00000: return MTRR_FIX;
    case Msr.Ia32MtrrFix16k80000: return MTRR_FIX + 8;
    case Msr.Ia32MtrrFix16kA0000: return MTRR_FIX + 16;
    case Msr.Ia32Pat: return PAT;
    case Msr.Ia32MtrrDefType: return MTRR_DEF_TYPE;
    case Msr.Ia32Efer: return EFER;
    case Msr.Ia32Star: return STAR;
    case Msr.Ia32Lstar: return LSTAR;
    case Msr.Ia32Cstar: return CSTAR;
    case Msr.Ia32Fmask: return FMASK;
    case Msr.Ia32FsBase: return FS_BASE;
    case Msr.Ia32GsBase: return GS_BASE;
    case Msr.Ia32KernelGsBase: return KERNEL_GS_BASE;
    case Msr.Ia32TscAux: return TSC_AUX;
    case Msr.Ia32SpecCtrl: return SPEC_CTRL;
    case Msr.Ia32Xss: return XSS;
  }
  const pair = index - Msr.Ia32MtrrPhysbase0, small = index - Msr.Ia32MtrrFix4kC0000;
  if (pair < 2 * MTRR_PAIRS) return MTRR_PHYS + pair * 8;
  if (small < 8) return MTRR_FIX + 24 + small * 8;
  return 0;
}
/** Entry of the model's table, 0 if there is none. */
function tableEntry(index: u32): usize {
  const table = MSR_TABLE + load<u32>(PROCESSOR_ID) * MSR_TABLE_BYTES, end = table + load<u32>(MSR_COUNT) * MODEL_ENTRY_BYTES;
  for (let e = table; e < end; e += MODEL_ENTRY_BYTES) if (load<u32>(e) == index) return e;
  return 0;
}
function ofBus(index: u32): bool { return (index >= X2apicMsr.First && index <= X2apicMsr.Last) || index == Msr.Ia32TscDeadline; }

/** Reads an MSR without VMX intercepts; the value is in BUS_VALUE. @returns false if it does not exist (#GP). */
export function readMsr(index: u32): bool {
  if (isCommand(index) || !isAnnounced(index)) return false;
  if (index == Msr.Ia32TimeStampCounter) { store<u64>(BUS_VALUE, visibleTimeStamp()); return true; }
  const at = word(index);
  if (at) { store<u64>(BUS_VALUE, load<u64>(at)); return true; }
  if (ofBus(index)) return busRead(index) != 0;
  const entry = tableEntry(index);
  if (!entry || (load<u32>(entry, MsrEntry.Flags) & MsrEntryFlag.WriteOnly) != 0) return false;
  store<u64>(BUS_VALUE, load<u64>(entry, MsrEntry.Value));
  return true;
}

function writeEfer(v: u64): bool {
  const old = load<u64>(EFER);
  if (!mayChangeEfer(<i32>old, <i32>v, load<i32>(CR0))) return false;
  store<u64>(EFER, <u64><u32>eferAfter(<i32>old, <i32>v));
  if ((old ^ v) & Efer.Nxe) { flushTlb(); addressSpaceChanged(); }
  updateMode();
  return true;
}
/** The bits of IA32_APIC_BASE below the address that have no meaning. */
@inline const APIC_BASE_RESERVED: u64 = 0xfff & ~(ApicBase.Bsp | ApicBase.EnableX2apicMode | ApicBase.ApicGlobalEnable);
/** IA32_APIC_BASE: EN may not go off while in x2APIC mode except together with it. The local APIC is notified. */
function writeApicBase(v: u64): bool {
  const old = load<u64>(APIC_BASE);
  const enable: u64 = ApicBase.ApicGlobalEnable, x2apic: u64 = ApicBase.EnableX2apicMode, state = enable | x2apic;
  if (v & (load<u64>(PHYSICAL_RESERVED) | APIC_BASE_RESERVED)) return false;
  if ((v & state) == x2apic || ((v & x2apic) != 0 && !hasX2apic())) return false;
  if ((old & state) == state && (v & state) == enable) return false;
  if ((old & state) == 0 && (v & state) == state) return false;
  if (!busWrite(Msr.Ia32ApicBase, <u32>v, <u32>(v >> 32))) return false;
  store<u64>(APIC_BASE, (v & ~<u64>ApicBase.Bsp) | (old & ApicBase.Bsp));
  return true;
}
/**
 * Software moves the TSC. The VMX-preemption timer counts the TSC's increments, so its deadline moves along.
 * SDM 3C "VMX-Preemption Timer".
 */
function moveTimeStamp(delta: u64): void {
  store<u64>(TSC_OFFSET, load<u64>(TSC_OFFSET) + delta);
  if (pin(PinBasedControl.ActivateVmxPreemptionTimer)) store<u64>(VMX_PREEMPTION_DEADLINE, load<u64>(VMX_PREEMPTION_DEADLINE) + delta);
}
function writeTimeStamp(v: u64): void {
  const delta = v - timeStamp();
  moveTimeStamp(delta);
  store<u64>(TSC_ADJUST, load<u64>(TSC_ADJUST) + delta);
  busWrite(Msr.Ia32TimeStampCounter, <u32>v, <u32>(v >> 32));
}
function writeTscAdjust(v: u64): void {
  moveTimeStamp(v - load<u64>(TSC_ADJUST));
  store<u64>(TSC_ADJUST, v);
  busWrite(Msr.Ia32TscAdjust, <u32>v, <u32>(v >> 32));
}
/** The bits of IA32_FEATURE_CONTROL that this processor has: VMX, and what a BIOS writes for SMX. */
@inline const FEATURE_CONTROL_BITS: u64 = FeatureControl.LockBit | FeatureControl.EnableVmxInsideSmx | FeatureControl.EnableVmxOutsideSmx
  | FeatureControl.SenterLocalFunctionEnables | FeatureControl.SenterGlobalFunctionEnable;
/** The bits of IA32_MISC_ENABLE that can be written, and those that are always 1: there is neither a branch trace store nor PEBS. */
@inline const MISC_ENABLE_BITS: u64 = MiscEnable.FastStringsEnable | MiscEnable.AutomaticThermalControlCircuitEnable
  | MiscEnable.PerformanceMonitoringAvailable | MiscEnable.EnhancedIntelSpeedstepTechnologyEnable | MiscEnable.EnableMonitorFsm
  | MiscEnable.LimitCpuidMaxval | MiscEnable.XtprMessageDisable | (MiscEnableHigh.XdBitDisable << 32);
@inline const MISC_ENABLE_ONES: u64 = MiscEnable.BranchTraceStorageUnavailable | MiscEnable.PebsUnavailable;
/** IA32_MISC_ENABLE: reserved bits raise #GP, read-only ones stay as they are. SDM 4 "Architectural MSRs". */
function writeMiscEnable(v: u64): bool {
  if (v & ~(MISC_ENABLE_BITS | MISC_ENABLE_ONES)) return false;
  store<u64>(MISC_ENABLE, (v & MISC_ENABLE_BITS) | MISC_ENABLE_ONES);
  return true;
}
/** Writes an MSR that is only kept: in a word of its own, in another place of the PC, or in the model's table. @returns as writeMsr. */
function keepMsr(index: u32, v: u64): bool {
  const at = word(index);
  if (at) { store<u64>(at, hasLowHalfOnly(index) ? v & 0xffffffff : v); return true; }
  if (ofBus(index)) return busWrite(index, <u32>v, <u32>(v >> 32)) != 0;
  const entry = tableEntry(index);
  if (!entry) return false;
  const old = load<u64>(entry, MsrEntry.Value), writable = load<u64>(entry, MsrEntry.Writable), ignored = load<u64>(entry,
    MsrEntry.Ignored);
  if ((v ^ old) & ~(writable | ignored)) return false;
  if (!writable && !ignored && !(load<u32>(entry, MsrEntry.Flags) & MsrEntryFlag.TakesItsValue)) return false;
  store<u64>(entry, (old & ~writable) | (v & writable), MsrEntry.Value);
  return true;
}
/** Writes an MSR without VMX intercepts. @returns false for what WRMSR answers with #GP. */
export function writeMsr(index: u32, v: u64): bool { return watchesMsr(index) ? writeWatched(index, v) : writeUnwatched(index, v); }
function writeWatched(index: u32, v: u64): bool {
  const before = readMsr(index) ? load<u64>(BUS_VALUE) : 0;
  if (!writeUnwatched(index, v)) return false;
  msrWritten(before, v);
  return true;
}
function writeUnwatched(index: u32, v: u64): bool {
  if (!isAnnounced(index) || !isMsrValue(index, <i32>v, <i32>(v >> 32))) return false;
  if (isCommand(index)) return true;                      // there are no caches and no predictors
  switch (index) {
    case Msr.Ia32TimeStampCounter: writeTimeStamp(v); return true;
    case Msr.Ia32ApicBase: return writeApicBase(v);
    case Msr.Ia32FeatureControl: if (!mayWriteFeatureControl(v)) return false; break;
    case Msr.Ia32TscAdjust: writeTscAdjust(v); return true;
    case Msr.Ia32MiscEnable: return writeMiscEnable(v);
    case Msr.Ia32Debugctl: store<u64>(DEBUGCTL, v); updateAttention(); return true;
    case Msr.Ia32Efer: return writeEfer(v);
  }
  return keepMsr(index, v);
}
function mayWriteFeatureControl(v: u64): bool {
  return (load<u64>(FEATURE_CONTROL) & FeatureControl.LockBit) == 0 && (v & ~FEATURE_CONTROL_BITS) == 0;
}

/** Each bitmap has a bit for so many MSRs, from 0 or from HIGH_MSRS on. */
@inline const BITMAP_MSRS: u32 = 0x2000;
@inline const HIGH_MSRS: u32 = 0xc0000000;
/** True if the MSR bitmaps make this access leave. SDM 3C "MSR-Bitmap Address". */
function intercepted(index: u32, write: u32): bool {
  if (!nonRoot()) return false;
  if (!(load<u32>(VMX_PRIMARY) & PrimaryControl.UseMsrBitmap)) return true;
  let offset: u32;
  if (index < BITMAP_MSRS) offset = 0;
  else if (index >= HIGH_MSRS && index < HIGH_MSRS + BITMAP_MSRS) offset = BITMAP_MSRS / 8;
  else return true;
  const host = structureHost(load<u64>(VMX_MSR_BITMAP) + offset + write * (2 * BITMAP_MSRS / 8) + ((index & (BITMAP_MSRS - 1)) >> 3));
  return host == 0 || ((load<u8>(host) >> (index & 7)) & 1) != 0;
}
/** LBR_SELECT, TOS, the last branch and exception of older processors, and the stack's three parts. */
function ofLastBranches(index: u32): bool {
  return within(index, LastBranchMsr.LbrSelect, 2) || within(index, LastBranchMsr.LastBranchFromIp, 4)
    || within(index, LastBranchMsr.FromIp0, LAST_BRANCHES) || within(index, LastBranchMsr.ToIp0, LAST_BRANCHES)
    || within(index, LastBranchMsr.Info0, LAST_BRANCHES);
}
@inline const LAST_BRANCHES: u32 = 32;
function within(index: u32, first: u32, count: u32): bool { return index - first < count; }
/**
 * RDMSR of an MSR that does not exist is #GP(0). That also says that there are no last-branch records. Software that has set
 * IA32_DEBUGCTL.LBR relies on them, so the machine stops.
 */
function refuseMsr(index: u32): void {
  if (ofLastBranches(index) && (load<u64>(DEBUGCTL) & Debugctl.Lbr) != 0) stopUnimplemented(UNIMPLEMENTED_LAST_BRANCH_RECORDS);
  else raiseCode(GP, 0);
}
/** RDMSR: EDX:EAX := MSR[ECX]. */
export function RDMSR(): void {
  if (load<u32>(CPL) != 0) raiseCode(GP, 0);
  const index = reg<u32>(<u32>RCX);
  if (intercepted(index, 0)) { vmExit(ExitReason.Rdmsr, 0); return; }
  if (!readVirtualMsr(index) && !readMsr(index)) refuseMsr(index);
  if (load<u32>(STOP)) return;
  setReg<u32>(<u32>RAX, load<u32>(BUS_VALUE));
  setReg<u32>(<u32>RDX, load<u32>(BUS_VALUE, 4));
}
/** WRMSR: MSR[ECX] := EDX:EAX. */
export function WRMSR(): void {
  if (load<u32>(CPL) != 0) raiseCode(GP, 0);
  const index = reg<u32>(<u32>RCX);
  if (intercepted(index, 1)) { vmExit(ExitReason.Wrmsr, 0); return; }
  const v = <u64>reg<u32>(<u32>RAX) | (<u64>reg<u32>(<u32>RDX) << 32);
  if (!(isVirtualMsr(index) ? writeVirtualMsr(index, v) : writeMsr(index, v))) raiseCode(GP, 0);
}
/** RDTSC. */
export function RDTSC(): void {
  if ((load<u32>(CR4) & Cr4.TimeStampDisable) != 0 && load<u32>(CPL) != 0) raiseCode(GP, 0);
  if (primary(PrimaryControl.RdtscExiting)) { vmExit(ExitReason.Rdtsc, 0); return; }
  const v = visibleTimeStamp();
  setReg<u32>(<u32>RAX, <u32>v);
  setReg<u32>(<u32>RDX, <u32>(v >> 32));
}
/** RDTSCP: #UD in non-root operation without "enable RDTSCP". */
export function RDTSCP(): void {
  if (nonRoot() && !(load<u32>(VMX_SECONDARY) & SecondaryControl.EnableRdtscp)) raise(UD);
  if ((load<u32>(CR4) & Cr4.TimeStampDisable) != 0 && load<u32>(CPL) != 0) raiseCode(GP, 0);
  if (primary(PrimaryControl.RdtscExiting)) { vmExit(ExitReason.Rdtscp, 0); return; }
  const v = visibleTimeStamp();
  setReg<u32>(<u32>RAX, <u32>v);
  setReg<u32>(<u32>RDX, <u32>(v >> 32));
  setReg<u32>(<u32>RCX, load<u32>(TSC_AUX));
}
/** RDPID: IA32_TSC_AUX; #UD in non-root operation without "enable RDTSCP". SDM 2B "RDPID—Read Processor ID". */
export function RDPID(d: Reg): void {
  if (nonRoot() && !(load<u32>(VMX_SECONDARY) & SecondaryControl.EnableRdtscp)) raise(UD);
  setReg<u32>(d, load<u32>(TSC_AUX));
}
/** RDPMC: the model has no performance counters. */
export function RDPMC(): void {
  if (load<u32>(CPL) != 0 && !(load<u32>(CR4) & Cr4.PerformanceMonitorCounterEnable)) raiseCode(GP, 0);
  if (primary(PrimaryControl.RdpmcExiting)) { vmExit(ExitReason.Rdpmc, 0); return; }
  raiseCode(GP, 0);
}
