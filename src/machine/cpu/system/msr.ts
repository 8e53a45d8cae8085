// SPDX-License-Identifier: LGPL-2.1-only
// Model-specific registers: SDM 4 "Model-Specific Registers". The core's own are words of the layout; plain ones and constants are in the
// model's MSR table; the local APIC's go to the bus. Time-stamp counter: SDM 3B "Time-Stamp Counter".
import {
  BUS_VALUE, TSC_OFFSET, TSC_ADJUST, TSC_AUX, STAR, LSTAR, CSTAR,
  FMASK, KERNEL_GS_BASE, FS_BASE, GS_BASE, SYSENTER_CS, SYSENTER_ESP, SYSENTER_EIP, PAT, APIC_BASE, MISC_ENABLE,
  DEBUGCTL, FEATURE_CONTROL, MTRR_DEF_TYPE, MTRR_PHYS, MTRR_FIX, EFER, CR0, CPUID_TABLE, MSR_TABLE, MSR_COUNT,
  PHYSICAL_RESERVED, RCX, RAX, RDX, CPL, CR4, STOP, UNIMPLEMENTED_LAST_BRANCH_RECORDS, VMX_MSR_BITMAP, VMX_TSC_OFFSET,
  VMX_TSC_MULTIPLIER, VMX_PREEMPTION_DEADLINE, VMX_PRIMARY, VMX_SECONDARY,
} from "../generated/layout";
import { nonRoot, updateAttention } from "../state/mode";
import { canonical } from "../translation/paging";
import { pin, primary, secondary, vmExit } from "../vmx/vmx";
import { GP, UD, PinBasedControl, PrimaryControl, SecondaryControl, Msr, ExitReason } from "../generated/architecture";
import { raise, raiseCode, stopUnimplemented } from "../events/raise";
import { structureHost } from "../physical/ram";
import { retired } from "../state/instruction";
import { Reg, reg, setReg } from "../state/registers";
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

/** Word of an MSR that is kept in the layout and has no rule of its own for reading; 0 if it is none. */
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
  }
  if (index >= 0x200 && index < 0x214) return MTRR_PHYS + (index - 0x200) * 8;
  if (index >= 0x268 && index < 0x270) return MTRR_FIX + (index - 0x265) * 8;
  return 0;
}
/** Entry of the model's table: u32 index, u32 flags, u64 value, u64 writable bits, u64 ignored bits; 0 if there is none. */
function tableEntry(index: u32): usize {
  const end = MSR_TABLE + load<u32>(MSR_COUNT) * 32;
  for (let e = MSR_TABLE; e < end; e += 32) if (load<u32>(e) == index) return e;
  return 0;
}
function ofBus(index: u32): bool { return (index >= 0x800 && index < 0x900) || index == Msr.Ia32TscDeadline; }

/** Reads an MSR without VMX intercepts; the value is in BUS_VALUE. @returns false if it does not exist (#GP). */
export function readMsr(index: u32): bool {
  if (index == Msr.Ia32TimeStampCounter) { store<u64>(BUS_VALUE, visibleTimeStamp()); return true; }
  const at = word(index);
  if (at) { store<u64>(BUS_VALUE, load<u64>(at)); return true; }
  if (ofBus(index)) return busRead(index) != 0;
  const entry = tableEntry(index);
  if (!entry) return false;
  store<u64>(BUS_VALUE, load<u64>(entry, 8));
  return true;
}

function validMemoryTypes(v: u64): bool {
  for (let i = 0; i < 8; i++) { const type = <u32>(v >> (i * 8)) & 255; if (type > 6 || type == 2 || type == 3) return false; }
  return true;
}
function validPat(v: u64): bool {
  for (let i = 0; i < 8; i++) { const type = <u32>(v >> (i * 8)) & 255; if (type > 7 || type == 2 || type == 3) return false; }
  return true;
}
function writeEfer(v: u64): bool {
  const old = load<u64>(EFER);
  if (v & ~(<u64>0xd01)) return false;
  if (((old ^ v) & 0x100) != 0 && (load<u32>(CR0) & 0x80000000) != 0) return false;
  store<u64>(EFER, (v & 0x901) | (old & 0x400));
  if ((old ^ v) & 0x800) { flushTlb(); addressSpaceChanged(); }
  updateMode();
  return true;
}
/** IA32_APIC_BASE: EN may not go off while in x2APIC mode except together with it. The local APIC is notified. */
function writeApicBase(v: u64): bool {
  const old = load<u64>(APIC_BASE);
  if (v & (load<u64>(PHYSICAL_RESERVED) | 0x2ff)) return false;
  // x2APIC only if leaf 1 has it
  if ((v & 0xc00) == 0x400 || ((v & 0x400) != 0 && !(load<u32>(CPUID_TABLE, 32 + 24) & 0x200000))) return false;
  if ((old & 0xc00) == 0xc00 && (v & 0xc00) == 0x800) return false;
  if ((old & 0xc00) == 0 && (v & 0xc00) == 0xc00) return false;
  if (!busWrite(Msr.Ia32ApicBase, <u32>v, <u32>(v >> 32))) return false;
  store<u64>(APIC_BASE, (v & ~(<u64>0x100)) | (old & 0x100));
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
function writeMtrr(index: u32, at: usize, v: u64): bool {
  if (index == Msr.Ia32MtrrDefType) {
    const type = v & 255;
    if ((v & ~(<u64>0xcff)) != 0 || type > 6 || type == 2 || type == 3) return false;
  }
  else if (index < 0x214) {
    if (v & load<u64>(PHYSICAL_RESERVED)) return false;
    const type = v & 255;
    if (index & 1 ? (v & 0x7ff) != 0 : (v & 0xf00) != 0 || type > 6 || type == 2 || type == 3) return false;
  } else if (!validMemoryTypes(v)) return false;
  store<u64>(at, v);
  return true;
}
/** True if an MSR that is only kept may hold a value. */
function mayHold(index: u32, v: u64): bool {
  switch (index) {
    case Msr.Ia32FeatureControl: return !(load<u64>(FEATURE_CONTROL) & 1) && !(v & ~(<u64>0xff07));
    case Msr.Ia32SysenterEsp: case Msr.Ia32SysenterEip: case Msr.Ia32Lstar: case Msr.Ia32Cstar:
    case Msr.Ia32FsBase: case Msr.Ia32GsBase: case Msr.Ia32KernelGsBase:
      return canonical(v);
    case Msr.Ia32TscAux: return !(v >> 32);
    case Msr.Ia32Pat: return validPat(v);
  }
  return true;
}
/** Writes an MSR that is only kept: in a word of its own, in another place of the PC, or in the model's table. @returns as writeMsr. */
function keepMsr(index: u32, v: u64): bool {
  const at = word(index);
  if (at) {
    if (index >= 0x200 && index < 0x300 && index != Msr.Ia32Pat) return writeMtrr(index, at, v);
    store<u64>(at, v);
    return true;
  }
  if (ofBus(index)) return busWrite(index, <u32>v, <u32>(v >> 32)) != 0;
  const entry = tableEntry(index);
  if (!entry) return false;
  const old = load<u64>(entry, 8), writable = load<u64>(entry, 16);
  if ((v ^ old) & ~(writable | load<u64>(entry, 24))) return false;
  if (!writable && !load<u64>(entry, 24) && !(load<u32>(entry, 4) & 1)) return false;
  store<u64>(entry, (old & ~writable) | (v & writable), 8);
  return true;
}
/** Writes an MSR without VMX intercepts. @returns false for what WRMSR answers with #GP. */
export function writeMsr(index: u32, v: u64): bool {
  switch (index) {
    case Msr.Ia32TimeStampCounter: writeTimeStamp(v); return true;
    case Msr.Ia32ApicBase: return writeApicBase(v);
    case Msr.Ia32TscAdjust: writeTscAdjust(v); return true;
    case Msr.Ia32SysenterCs: case Msr.Ia32Fmask: v &= 0xffffffff; break;
    case Msr.Ia32MiscEnable: store<u64>(MISC_ENABLE, (v & 0x400c50089) | 0x1800); return true;
    case Msr.Ia32Debugctl:                                             // TR and BTS need the debug store, which CPUID does not announce
      if (v & ~(<u64>3)) return false;
      store<u64>(DEBUGCTL, v);
      updateAttention();
      return true;
    case Msr.Ia32Efer: return writeEfer(v);
  }
  return mayHold(index, v) && keepMsr(index, v);
}

/** True if the MSR bitmaps make this access leave. SDM 3C "MSR-Bitmap Address". */
function intercepted(index: u32, write: u32): bool {
  if (!nonRoot()) return false;
  if (!(load<u32>(VMX_PRIMARY) & PrimaryControl.UseMsrBitmap)) return true;
  let offset: u32;
  if (index < 0x2000) offset = 0;
  else if (index >= 0xc0000000 && index < 0xc0002000) offset = 1024;
  else return true;
  const host = structureHost(load<u64>(VMX_MSR_BITMAP) + offset + write * 2048 + ((index & 0x1fff) >> 3));
  return host == 0 || ((load<u8>(host) >> (index & 7)) & 1) != 0;
}
/** LBR_SELECT, TOS, the last branch and exception of older processors, and the stack's three parts. */
function ofLastBranches(index: u32): bool {
  return (index >= 0x1c8 && index <= 0x1c9) || (index >= 0x1db && index <= 0x1de) || (index >= 0x680 && index < 0x6a0)
    || (index >= 0x6c0 && index < 0x6e0) || (index >= 0xdc0 && index < 0xde0);
}
/**
 * RDMSR of an MSR that does not exist is #GP(0). That also says that there are no last-branch records. Software that has set
 * IA32_DEBUGCTL.LBR relies on them, so the machine stops.
 */
function refuseMsr(index: u32): void {
  if (ofLastBranches(index) && (load<u64>(DEBUGCTL) & 1) != 0) stopUnimplemented(UNIMPLEMENTED_LAST_BRANCH_RECORDS);
  else raiseCode(GP, 0);
}
/** RDMSR: EDX:EAX := MSR[ECX]. */
export function RDMSR(): void {
  if (load<u32>(CPL) != 0) raiseCode(GP, 0);
  const index = reg<u32>(<u32>RCX);
  if (intercepted(index, 0)) { vmExit(ExitReason.Rdmsr, 0); return; }
  if (!readMsr(index)) refuseMsr(index);
  if (load<u32>(STOP)) return;
  setReg<u32>(<u32>RAX, load<u32>(BUS_VALUE));
  setReg<u32>(<u32>RDX, load<u32>(BUS_VALUE, 4));
}
/** WRMSR: MSR[ECX] := EDX:EAX. */
export function WRMSR(): void {
  if (load<u32>(CPL) != 0) raiseCode(GP, 0);
  const index = reg<u32>(<u32>RCX);
  if (intercepted(index, 1)) { vmExit(ExitReason.Wrmsr, 0); return; }
  if (!writeMsr(index, <u64>reg<u32>(<u32>RAX) | (<u64>reg<u32>(<u32>RDX) << 32))) raiseCode(GP, 0);
}
/** RDTSC. */
export function RDTSC(): void {
  if ((load<u32>(CR4) & 4) != 0 && load<u32>(CPL) != 0) raiseCode(GP, 0);
  if (primary(PrimaryControl.RdtscExiting)) { vmExit(ExitReason.Rdtsc, 0); return; }
  const v = visibleTimeStamp();
  setReg<u32>(<u32>RAX, <u32>v);
  setReg<u32>(<u32>RDX, <u32>(v >> 32));
}
/** RDTSCP: #UD in non-root operation without "enable RDTSCP". */
export function RDTSCP(): void {
  if (nonRoot() && !(load<u32>(VMX_SECONDARY) & SecondaryControl.EnableRdtscp)) raise(UD);
  if ((load<u32>(CR4) & 4) != 0 && load<u32>(CPL) != 0) raiseCode(GP, 0);
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
  if (load<u32>(CPL) != 0 && !(load<u32>(CR4) & 0x100)) raiseCode(GP, 0);
  if (primary(PrimaryControl.RdpmcExiting)) { vmExit(ExitReason.Rdpmc, 0); return; }
  raiseCode(GP, 0);
}
