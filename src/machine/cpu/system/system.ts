// SPDX-License-Identifier: LGPL-2.1-only
// System instructions: SDM 3A "System Instruction Reference"; fast system calls, flags, HLT, CPUID, cache and TLB control.
// Each ends its block. A VM exit is recorded and the instruction returns without having changed anything.
import { replaceRflags, rflags } from "../state/flags";
import {
  RAX, RBX, RCX, RDX, RSP, R11, ACTIVITY, APIC_BASE, ATTENTION, ATTENTION_STEP, CPL, CPUID_COUNT, CPUID_TABLE, CR0,
  CR4, CS, CS_LIMIT, CS_RIGHTS, DEBUG_TRAPS, EFER, ES_BASE, ES_SELECTOR, FMASK, LSTAR, MISC_ENABLE, PROCESSOR_ID, RFLAGS_SYSTEM,
  SS, STAR, SYSENTER_CS, SYSENTER_EIP, SYSENTER_ESP, XCR0,
} from "../generated/layout";
import { in64, inLong, inVm86, nonRoot, updateAttention } from "../state/mode";
import { canonical } from "../translation/paging";
import { shadowMovSs, shadowSti } from "../state/shadow";
import { loadSegment } from "../segmentation/segment";
import { push, peek, moveStackPointer } from "../integer/stack";
import { primary, secondary, vmExit } from "../vmx/vmx";
import {
  GP, UD, Rflags, PrimaryControl, ExitReason, FeatureInformationEcx, MiscEnable, SecondaryControl,
} from "../generated/architecture";
import { reportedAddress } from "../code/record";
import { raise, raiseCode } from "../events/raise";
import { jump, nextRip, noteDelivered } from "../state/instruction";
import { Mem, reg, setReg } from "../state/registers";
import { updateMode } from "../tlb/mode_update";
import { invalidatePage } from "../tlb/tlb";
import { iopl, supervisorOnly } from "../events/privilege";


function setSystemFlags(set: u64, clear: u64): void { store<u64>(RFLAGS_SYSTEM, (load<u64>(RFLAGS_SYSTEM) & ~clear) | set); }

// ---- fast system calls ---------------------------------------------------------------------------------------------------------------

/** A flat segment as SYSCALL and friends load it. */
function flatSegment(segment: u32, selector: u32, rights: u32): void {
  store<u32>(ES_SELECTOR + segment * 4, selector);
  store<u64>(ES_BASE + segment * 8, 0);
  store<u32>(CS_LIMIT + (segment - CS) * 4, 0xffffffff);
  store<u32>(CS_RIGHTS + (segment - CS) * 4, rights);
}
function enterRing(cpl: u32, cs: u32, ss: u32, long: bool): void {
  flatSegment(CS, cs, (long ? 0xa09b : 0xc09b) | (cpl << 5));
  flatSegment(SS, ss, 0xc093 | (cpl << 5));
  store<u32>(CPL, cpl);
  updateMode();
}
/** SYSCALL and SYSRET trap by TF as it is at their end. */
function trapAtEnd(): void {
  noteDelivered();
  if (load<u64>(RFLAGS_SYSTEM) & Rflags.TrapFlag) store<u64>(DEBUG_TRAPS, load<u64>(DEBUG_TRAPS) | 0x4000);
  updateAttention();
}
/** SYSCALL: #UD outside 64-bit mode and without EFER.SCE. SDM 2B "SYSCALL—Fast System Call". */
export function SYSCALL(): void {
  if (!in64() || !(load<u64>(EFER) & 1)) raise(UD);
  setReg<u64>(RCX, nextRip);
  setReg<u64>(R11, rflags() & ~Rflags.ResumeFlag);
  replaceRflags(rflags() & ~load<u64>(FMASK), 0x3f7fd5);
  setSystemFlags(0, Rflags.ResumeFlag);
  const cs = <u32>(load<u64>(STAR) >> 32) & 0xfffc;
  enterRing(0, cs, cs + 8, true);
  trapAtEnd();
  jump(load<u64>(LSTAR));
}
/** SYSRET: to 64-bit (REX.W) or compatibility mode. SDM 2B "SYSRET—Return From Fast System Call". */
export function SYSRET<T>(): void {
  if (!in64() || !(load<u64>(EFER) & 1)) raise(UD);
  supervisorOnly();
  const long = sizeof<T>() == 8, target = reg<u64>(RCX), base = <u32>(load<u64>(STAR) >> 48);
  if (long && !canonical(target)) raiseCode(GP, 0);
  replaceRflags(reg<u64>(R11), 0x3c7fd5);
  setSystemFlags(0, Rflags.ResumeFlag | Rflags.Virtual8086Mode);
  enterRing(3, ((base + (long ? 16 : 0)) & 0xffff) | 3, ((base + 8) & 0xffff) | 3, long);
  trapAtEnd();
  jump(long ? target : target & 0xffffffff);
}
/** SYSENTER. SDM 2B "SYSENTER—Fast System Call". */
export function SYSENTER(): void {
  const cs = <u32>load<u64>(SYSENTER_CS) & 0xffff;
  if (!(load<u32>(CR0) & 1) || !(cs & 0xfffc)) raiseCode(GP, 0);
  const long = inLong();
  setSystemFlags(0, Rflags.Virtual8086Mode | Rflags.InterruptEnableFlag | Rflags.ResumeFlag);
  enterRing(0, cs & 0xfffc, (cs & 0xfffc) + 8, long);
  setReg<u64>(RSP, long ? load<u64>(SYSENTER_ESP) : load<u64>(SYSENTER_ESP) & 0xffffffff);
  updateAttention();
  jump(long ? load<u64>(SYSENTER_EIP) : load<u64>(SYSENTER_EIP) & 0xffffffff);
}
/** SYSEXIT. SDM 2B "SYSEXIT—Fast Return from Fast System Call". */
export function SYSEXIT<T>(): void {
  const cs = <u32>load<u64>(SYSENTER_CS) & 0xffff, long = sizeof<T>() == 8;
  if (!(load<u32>(CR0) & 1) || inVm86() || !(cs & 0xfffc)) raiseCode(GP, 0);
  supervisorOnly();
  const sp = reg<u64>(RCX), ip = reg<u64>(RDX);
  if (long && (!canonical(sp) || !canonical(ip))) raiseCode(GP, 0);
  const base = (cs & 0xfffc) + (long ? 32 : 16);
  enterRing(3, base | 3, (base + 8) | 3, long);
  setReg<u64>(RSP, long ? sp : sp & 0xffffffff);
  jump(long ? ip : ip & 0xffffffff);
}

// ---- flags -----------------------------------------------------------------------------------------------------------------------------

/** CLI: IF or, virtualized, VIF. SDM 2A "CLI—Clear Interrupt Flag". */
export function CLI(): void {
  if (!(load<u32>(CR0) & 1) || iopl() >= load<u32>(CPL)) { setSystemFlags(0, Rflags.InterruptEnableFlag); return; }
  if (virtualInterrupts()) setSystemFlags(0, Rflags.VirtualInterruptFlag); else raiseCode(GP, 0);
}
/** CR4.VME in virtual-8086 mode, CR4.PVI at CPL 3. */
function virtualInterrupts(): bool {
  return (inVm86() && (load<u32>(CR4) & 1) != 0) || (!inVm86() && load<u32>(CPL) == 3 && (load<u32>(CR4) & 2) != 0);
}
/** STI: the next instruction still runs without interrupts. SDM 2B "STI—Set Interrupt Flag". */
export function STI(): void {
  if (!(load<u32>(CR0) & 1) || iopl() >= load<u32>(CPL)) {
    if (load<u64>(RFLAGS_SYSTEM) & Rflags.InterruptEnableFlag) return;
    setSystemFlags(Rflags.InterruptEnableFlag, 0);
    shadowSti();
    return;
  }
  if (!virtualInterrupts() || (load<u64>(RFLAGS_SYSTEM) & Rflags.VirtualInterruptPending) != 0) raiseCode(GP, 0);
  setSystemFlags(Rflags.VirtualInterruptFlag, 0);
}
/** PUSHF, PUSHFD, PUSHFQ: VM and RF are pushed as 0. SDM 2B "PUSHF". */
export function PUSHF<T, A>(): void {
  let v = rflags() & ~(Rflags.Virtual8086Mode | Rflags.ResumeFlag);
  if (inVm86() && iopl() < 3) {
    if (sizeof<T>() != 2 || !(load<u32>(CR4) & 1)) raiseCode(GP, 0);
    v = (v & ~Rflags.InterruptEnableFlag) | Rflags.PrivilegeLevel | ((v >> 10) & Rflags.InterruptEnableFlag);
  }
  push<T, A>(<T>v);
}
/** POPF, POPFD, POPFQ. SDM 2B "POPF". */
export function POPF<T, A>(): void {
  const v = <u64>peek<T, A>(0), cpl = load<u32>(CPL), wide = sizeof<T>() > 2;
  let mask: u64 = 0x4dd5 | (wide ? Rflags.AlignmentCheckAccessControl | Rflags.IdFlag : 0), set = v;
  if (inVm86()) {
    if (iopl() == 3) mask |= Rflags.InterruptEnableFlag;
    else {
      if (wide || !(load<u32>(CR4) & 1)) raiseCode(GP, 0);
      if ((v & Rflags.TrapFlag) != 0
        || ((v & Rflags.InterruptEnableFlag) != 0 && (load<u64>(RFLAGS_SYSTEM) & Rflags.VirtualInterruptPending) != 0)) raiseCode(GP, 0);
      mask |= Rflags.VirtualInterruptFlag;
      set = (v & ~Rflags.VirtualInterruptFlag) | ((v & Rflags.InterruptEnableFlag) << 10);
    }
  } else if (cpl == 0) mask |= Rflags.InterruptEnableFlag | Rflags.PrivilegeLevel;
  else if (cpl <= iopl()) mask |= Rflags.InterruptEnableFlag;          // CR4.PVI changes nothing: it concerns CLI and STI
  moveStackPointer<A>(sizeof<T>());
  const before = load<u64>(RFLAGS_SYSTEM);
  replaceRflags(set, mask);
  setSystemFlags(0, Rflags.ResumeFlag);
  if ((before ^ load<u64>(RFLAGS_SYSTEM)) & (Rflags.TrapFlag | Rflags.AlignmentCheckAccessControl)) { updateMode(); updateAttention(); }
}
/** CLAC, STAC: SMAP's override. Outside CPL 0 they are #UD, not #GP. SDM 2A "CLAC—Clear AC Flag in EFLAGS Register". */
export function CLAC(): void { undefinedInUserMode(); setSystemFlags(0, Rflags.AlignmentCheckAccessControl); updateMode(); }
export function STAC(): void { undefinedInUserMode(); setSystemFlags(Rflags.AlignmentCheckAccessControl, 0); updateMode(); }
function undefinedInUserMode(): void { if (load<u32>(CPL) != 0) raise(UD); }

/** PUSH Sreg: 16 bits are written, the stack pointer moves by the operand size (zero-extended in a push of 32 or 64 bits). */
export function PUSH_SEG<T, A>(segment: u32): void { push<T, A>(<T>load<u32>(ES_SELECTOR + segment * 4)); }
export function PUSH_ES<T, A>(): void { PUSH_SEG<T, A>(0); }
export function PUSH_CS<T, A>(): void { PUSH_SEG<T, A>(1); }
export function PUSH_SS<T, A>(): void { PUSH_SEG<T, A>(2); }
export function PUSH_DS<T, A>(): void { PUSH_SEG<T, A>(3); }
export function PUSH_FS<T, A>(): void { PUSH_SEG<T, A>(4); }
export function PUSH_GS<T, A>(): void { PUSH_SEG<T, A>(5); }
function popSegment<T, A>(segment: u32): void {
  const selector = <u32>peek<T, A>(0) & 0xffff, mask = reg<u64>(RSP);
  loadSegment(segment, selector);
  setReg<A>(RSP, <A>(mask + sizeof<T>()));
}
export function POP_ES<T, A>(): void { popSegment<T, A>(0); }
export function POP_SS<T, A>(): void { popSegment<T, A>(2); shadowMovSs(); }
export function POP_DS<T, A>(): void { popSegment<T, A>(3); }
export function POP_FS<T, A>(): void { popSegment<T, A>(4); }
export function POP_GS<T, A>(): void { popSegment<T, A>(5); }

// ---- processor control ---------------------------------------------------------------------------------------------------------------

/** HLT. */
export function HLT(): void {
  supervisorOnly();
  if (primary(PrimaryControl.HltExiting)) { vmExit(ExitReason.Hlt, 0); return; }
  store<u32>(ACTIVITY, 1);
  updateAttention();
  store<u32>(ATTENTION, load<u32>(ATTENTION) | ATTENTION_STEP);
}
/** PAUSE: a hint, or an exit. */
export function PAUSE(): void { if (primary(PrimaryControl.PauseExiting)) vmExit(ExitReason.Pause, 0); }
/** INVLPG m. */
export function INVLPG(ea: Mem): void {
  supervisorOnly();
  const at = reportedAddress(ea);
  if (primary(PrimaryControl.InvlpgExiting)) { vmExit(ExitReason.Invlpg, at); return; }
  if (!in64() || canonical(at)) invalidatePage(at);
}
/** INVD, WBINVD: there are no caches to write back. */
export function INVD(): void { supervisorOnly(); if (nonRoot()) vmExit(ExitReason.Invd, 0); }
export function WBINVD(): void { supervisorOnly(); if (secondary(SecondaryControl.WbinvdExiting)) vmExit(ExitReason.Wbinvd, 0); }
/** XSETBV: XCR0 only; x87 must stay on. SDM 2D "XSETBV—Set Extended Control Register". */
export function XSETBV(): void {
  if (!(load<u32>(CR4) & 0x40000)) raise(UD);
  supervisorOnly();
  if (nonRoot()) { vmExit(ExitReason.Xsetbv, 0); return; }
  if (!writeXcr(reg<u32>(RCX), <u64>reg<u32>(RAX) | (<u64>reg<u32>(RDX) << 32))) raiseCode(GP, 0);
}
/** Writes an extended control register. @returns false for #GP. */
export function writeXcr(index: u32, v: u64): bool {
  if (index != 0 || (v & 1) == 0 || (v & ~(<u64>3)) != 0) return false;
  store<u64>(XCR0, v);
  return true;
}

/** Looks up a CPUID leaf; the four registers are from BUS_VALUE − … in `cpuidResult`. SDM 2A "CPUID—CPU Identification". */
export function cpuidEntry(leaf: u32, subleaf: u32): usize {
  const end = CPUID_TABLE + load<u32>(CPUID_COUNT) * 32;
  let highest: u32 = 0;
  for (let e = CPUID_TABLE; e < end; e += 32) {
    const l = load<u32>(e);
    if (l == leaf && (!(load<u32>(e, 8) & 1) || load<u32>(e, 4) == subleaf)) return e;
    if (!(l >> 31) && l > highest) highest = l;
  }
  // Beyond the highest basic or extended leaf: the data of the highest basic leaf.
  const top = load<u32>(CPUID_TABLE, 16), extended = leaf >= 0x80000000;
  if (extended ? leaf > topExtended() : leaf > top) if (leaf != top) return cpuidEntry(top, subleaf);
  return 0;
}
function topExtended(): u32 {
  const end = CPUID_TABLE + load<u32>(CPUID_COUNT) * 32;
  for (let e = CPUID_TABLE; e < end; e += 32) if (load<u32>(e) == 0x80000000) return load<u32>(e, 16);
  return 0;
}
/** EAX EBX ECX EDX of the last cpuid(). */
export let cpuidA: u32 = 0, cpuidB: u32 = 0, cpuidC: u32 = 0, cpuidD: u32 = 0;
/** Computes a leaf with the bits that follow the processor's state. */
export function cpuid(leaf: u32, subleaf: u32): void {
  const e = cpuidEntry(leaf, subleaf);
  cpuidA = e ? load<u32>(e, 16) : 0;
  cpuidB = e ? load<u32>(e, 20) : 0;
  cpuidC = e ? load<u32>(e, 24) : 0;
  cpuidD = e ? load<u32>(e, 28) : 0;
  const id = load<u32>(PROCESSOR_ID);
  if (leaf == 1) {
    cpuidB = (cpuidB & 0x00ffffff) | (id << 24);
    if (load<u32>(CR4) & 0x40000) cpuidC |= 0x8000000;                            // OSXSAVE
    if (!(load<u32>(MISC_ENABLE) & MiscEnable.EnableMonitorFsm)) cpuidC &= ~FeatureInformationEcx.Monitor;
    if (!(load<u64>(APIC_BASE) & 0x800)) cpuidD &= ~0x200;                       // APIC off
  } else if (leaf == 0xb) { cpuidC = (cpuidC & ~0xff) | (subleaf & 0xff); cpuidD = id; }
  else if (leaf == 0xd && subleaf == 0) cpuidB = 576;                            // x87 and SSE: legacy area and header
}
/** CPUID. */
export function CPUID(): void {
  if (nonRoot()) { vmExit(ExitReason.Cpuid, 0); return; }
  cpuid(reg<u32>(RAX), reg<u32>(RCX));
  setReg<u32>(RAX, cpuidA);
  setReg<u32>(RBX, cpuidB);
  setReg<u32>(RCX, cpuidC);
  setReg<u32>(RDX, cpuidD);
}
