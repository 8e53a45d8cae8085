// SPDX-License-Identifier: LGPL-2.1-only
// System instructions: SDM 3A "System Instruction Reference"; fast system calls, flags, HLT, CPUID, cache and TLB control.
// Each ends its block. A VM exit is recorded and the instruction returns without having changed anything.
import { replaceRflags, rflags } from "../state/flags";
import {
  RAX, RBX, RCX, RDX, RSP, R11, ACTIVITY, ATTENTION, ATTENTION_STEP, CPL, CR0, CR4, CS, CS_LIMIT, CS_RIGHTS, DEBUG_TRAPS,
  EFER, ES_BASE, ES_SELECTOR, FMASK, LSTAR, RFLAGS_SYSTEM, SS, STAR, SYSENTER_CS, SYSENTER_EIP, SYSENTER_ESP, XCR0,
  ES, DS, FS, GS, PROCESSOR_COUNT, STOP, STOP_PAUSE,
} from "../generated/layout";
import { in64, inLong, inVm86, nonRoot, updateAttention } from "../state/mode";
import { canonical } from "../translation/paging";
import { shadowMovSs, shadowSti } from "../state/shadow";
import { isXcr0 } from "../generated/contents";
import { cpuid, cpuidA, cpuidB, cpuidC, cpuidD, supportedComponents } from "./cpuid_leaves";
import { loadSegment } from "../segmentation/segment";
import { stackAddress, writeStack } from "../memory/access";
import { push, peek, moveStackPointer } from "../integer/stack";
import { primary, secondary, vmExit } from "../vmx/vmx";
import {
  GP, UD, Rflags, PrimaryControl, ExitReason, SecondaryControl, AccessRights, ActivityState, Cr0, Cr4, Dr6, Efer,
  SegmentSelector, SegmentTypeBit,
} from "../generated/architecture";
import { reportedAddress } from "../code/record";
import { raise, raiseCode } from "../events/raise";
import { jump, nextRip, noteDelivered } from "../state/instruction";
import { Mem, reg, setReg } from "../state/registers";
import { updateMode } from "../tlb/mode_update";
import { invalidatePage } from "../tlb/tlb";
import { iopl, supervisorOnly } from "../events/privilege";
import { ALL_FLAGS, USER_FLAGS, VIF_ABOVE_IF } from "../state/masks";
import { atDpl, errorOf, isNull } from "../state/rights";

function setSystemFlags(set: u64, clear: u64): void { store<u64>(RFLAGS_SYSTEM, (load<u64>(RFLAGS_SYSTEM) & ~clear) | set); }

// ---- fast system calls ---------------------------------------------------------------------------------------------------------------

/** A flat segment as SYSCALL and friends load it. */
function flatSegment(segment: u32, selector: u32, rights: u32): void {
  store<u32>(ES_SELECTOR + segment * 4, selector);
  store<u64>(ES_BASE + segment * 8, 0);
  store<u32>(CS_LIMIT + (segment - CS) * 4, 0xffffffff);
  store<u32>(CS_RIGHTS + (segment - CS) * 4, rights);
}
/** Rights of the flat segments that these instructions load. */
@inline const FLAT: u32 = AccessRights.S | AccessRights.Present | AccessRights.Granularity | SegmentTypeBit.Accessed
  | SegmentTypeBit.Writable;
@inline const FLAT_CODE64: u32 = FLAT | SegmentTypeBit.Code | AccessRights.L;
@inline const FLAT_CODE32: u32 = FLAT | SegmentTypeBit.Code | AccessRights.Db;
@inline const FLAT_DATA: u32 = FLAT | AccessRights.Db;
function enterRing(cpl: u32, cs: u32, ss: u32, long: bool): void {
  flatSegment(CS, cs, atDpl(long ? FLAT_CODE64 : FLAT_CODE32, cpl));
  flatSegment(SS, ss, atDpl(FLAT_DATA, cpl));
  store<u32>(CPL, cpl);
  updateMode();
}
/** SYSCALL and SYSRET trap by TF as it is at their end. */
function trapAtEnd(): void {
  noteDelivered();
  if (load<u64>(RFLAGS_SYSTEM) & Rflags.TrapFlag) store<u64>(DEBUG_TRAPS, load<u64>(DEBUG_TRAPS) | Dr6.BS);
  updateAttention();
}
/** A selector so many bytes further in the table: 16 bits, like each selector. */
@inline function selectorAfter(selector: u32, bytes: u32): u32 { return (selector + bytes) & 0xffff; }
/** SYSCALL: #UD outside 64-bit mode and without EFER.SCE. SDM 2B "SYSCALL—Fast System Call". */
export function SYSCALL(): void {
  if (!in64() || !(load<u64>(EFER) & Efer.Sce)) raise(UD);
  setReg<u64>(RCX, nextRip);
  setReg<u64>(R11, rflags() & ~Rflags.ResumeFlag);
  replaceRflags(rflags() & ~load<u64>(FMASK), ALL_FLAGS);
  setSystemFlags(0, Rflags.ResumeFlag);
  const cs = errorOf(<u32>(load<u64>(STAR) >> 32));
  enterRing(0, cs, selectorAfter(cs, 8), true);
  trapAtEnd();
  jump(load<u64>(LSTAR));
}
/** SYSRET: to 64-bit (REX.W) or compatibility mode. SDM 2B "SYSRET—Return From Fast System Call". */
export function SYSRET<T>(): void {
  if (!in64() || !(load<u64>(EFER) & Efer.Sce)) raise(UD);
  supervisorOnly();
  const long = sizeof<T>() == 8, target = reg<u64>(RCX), base = <u32>(load<u64>(STAR) >> 48);
  if (long && !canonical(target)) raiseCode(GP, 0);
  replaceRflags(reg<u64>(R11), ALL_FLAGS & ~(Rflags.ResumeFlag | Rflags.Virtual8086Mode));
  setSystemFlags(0, Rflags.ResumeFlag | Rflags.Virtual8086Mode);
  enterRing(3, selectorAfter(base, long ? 16 : 0) | SegmentSelector.Rpl, selectorAfter(base, 8) | SegmentSelector.Rpl, long);
  trapAtEnd();
  jump(long ? target : target & 0xffffffff);
}
/** SYSENTER. SDM 2B "SYSENTER—Fast System Call". */
export function SYSENTER(): void {
  const cs = <u32>load<u64>(SYSENTER_CS) & 0xffff;
  if (!(load<u32>(CR0) & Cr0.ProtectionEnable) || isNull(cs)) raiseCode(GP, 0);
  const long = inLong();
  setSystemFlags(0, Rflags.Virtual8086Mode | Rflags.InterruptEnableFlag | Rflags.ResumeFlag);
  enterRing(0, errorOf(cs), selectorAfter(errorOf(cs), 8), long);
  setReg<u64>(RSP, long ? load<u64>(SYSENTER_ESP) : load<u64>(SYSENTER_ESP) & 0xffffffff);
  updateAttention();
  jump(long ? load<u64>(SYSENTER_EIP) : load<u64>(SYSENTER_EIP) & 0xffffffff);
}
/** SYSEXIT. SDM 2B "SYSEXIT—Fast Return from Fast System Call". */
export function SYSEXIT<T>(): void {
  const cs = <u32>load<u64>(SYSENTER_CS) & 0xffff, long = sizeof<T>() == 8;
  if (!(load<u32>(CR0) & Cr0.ProtectionEnable) || inVm86() || isNull(cs)) raiseCode(GP, 0);
  supervisorOnly();
  const sp = reg<u64>(RCX), ip = reg<u64>(RDX);
  if (long && (!canonical(sp) || !canonical(ip))) raiseCode(GP, 0);
  const base = selectorAfter(errorOf(cs), long ? 32 : 16);
  enterRing(3, base | SegmentSelector.Rpl, selectorAfter(base, 8) | SegmentSelector.Rpl, long);
  setReg<u64>(RSP, long ? sp : sp & 0xffffffff);
  jump(long ? ip : ip & 0xffffffff);
}

// ---- flags -----------------------------------------------------------------------------------------------------------------------------

/** CLI: IF or, virtualized, VIF. SDM 2A "CLI—Clear Interrupt Flag". */
export function CLI(): void {
  if (!(load<u32>(CR0) & Cr0.ProtectionEnable) || iopl() >= load<u32>(CPL)) { setSystemFlags(0, Rflags.InterruptEnableFlag); return; }
  if (virtualInterrupts()) setSystemFlags(0, Rflags.VirtualInterruptFlag); else raiseCode(GP, 0);
}
/** CR4.VME in virtual-8086 mode, CR4.PVI at CPL 3. */
function virtualInterrupts(): bool {
  return (inVm86() && (load<u32>(CR4) & Cr4.V8086ModeExtensions) != 0) || (!inVm86() && load<u32>(CPL) == 3
    && (load<u32>(CR4) & Cr4.ProtectedModeVirtualInterrupts) != 0);
}
/** STI: the next instruction still runs without interrupts. SDM 2B "STI—Set Interrupt Flag". */
export function STI(): void {
  if (!(load<u32>(CR0) & Cr0.ProtectionEnable) || iopl() >= load<u32>(CPL)) {
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
    if (sizeof<T>() != 2 || !(load<u32>(CR4) & Cr4.V8086ModeExtensions)) raiseCode(GP, 0);
    v = (v & ~Rflags.InterruptEnableFlag) | Rflags.PrivilegeLevel | ((v >> VIF_ABOVE_IF) & Rflags.InterruptEnableFlag);
  }
  push<T, A>(<T>v);
}
/** POPF, POPFD, POPFQ. SDM 2B "POPF". */
export function POPF<T, A>(): void {
  const v = <u64>peek<T, A>(0), cpl = load<u32>(CPL), wide = sizeof<T>() > 2;
  let mask = USER_FLAGS | (wide ? Rflags.AlignmentCheckAccessControl | Rflags.IdFlag : 0), set = v;
  if (inVm86()) {
    if (iopl() == 3) mask |= Rflags.InterruptEnableFlag;
    else {
      if (wide || !(load<u32>(CR4) & Cr4.V8086ModeExtensions)) raiseCode(GP, 0);
      if ((v & Rflags.TrapFlag) != 0
        || ((v & Rflags.InterruptEnableFlag) != 0 && (load<u64>(RFLAGS_SYSTEM) & Rflags.VirtualInterruptPending) != 0)) raiseCode(GP, 0);
      mask |= Rflags.VirtualInterruptFlag;
      set = (v & ~Rflags.VirtualInterruptFlag) | ((v & Rflags.InterruptEnableFlag) << VIF_ABOVE_IF);
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

/** PUSH Sreg: 64 bits are zero-extended; of 32 bits only the lower word is written, as on all recent processors. SDM 2B "PUSH". */
export function PUSH_SEG<T, A>(segment: u32): void {
  const selector = load<u32>(ES_SELECTOR + segment * 4);
  if (sizeof<T>() != 4) { push<T, A>(<T>selector); return; }
  const sp = <A>(reg<A>(RSP) - 4);
  writeStack<u16>(stackAddress<A>(<u64>sp), <u16>selector);
  setReg<A>(RSP, sp);
}
export function PUSH_ES<T, A>(): void { PUSH_SEG<T, A>(ES); }
export function PUSH_CS<T, A>(): void { PUSH_SEG<T, A>(CS); }
export function PUSH_SS<T, A>(): void { PUSH_SEG<T, A>(SS); }
export function PUSH_DS<T, A>(): void { PUSH_SEG<T, A>(DS); }
export function PUSH_FS<T, A>(): void { PUSH_SEG<T, A>(FS); }
export function PUSH_GS<T, A>(): void { PUSH_SEG<T, A>(GS); }
/** POP Sreg: of 32 bits only the lower word is read, as Intel's processors do (test/differential). SDM 2B "POP". */
function popSegment<T, A>(segment: u32): void {
  const selector = <u32>(sizeof<T>() == 4 ? peek<u16, A>(0) : <u16>peek<T, A>(0)), mask = reg<u64>(RSP);
  loadSegment(segment, selector);
  setReg<A>(RSP, <A>(mask + sizeof<T>()));
}
export function POP_ES<T, A>(): void { popSegment<T, A>(ES); }
export function POP_SS<T, A>(): void { popSegment<T, A>(SS); shadowMovSs(); }
export function POP_DS<T, A>(): void { popSegment<T, A>(DS); }
export function POP_FS<T, A>(): void { popSegment<T, A>(FS); }
export function POP_GS<T, A>(): void { popSegment<T, A>(GS); }

// ---- processor control ---------------------------------------------------------------------------------------------------------------

/** HLT. */
export function HLT(): void {
  supervisorOnly();
  if (primary(PrimaryControl.HltExiting)) { vmExit(ExitReason.Hlt, 0); return; }
  store<u32>(ACTIVITY, ActivityState.Hlt);
  updateAttention();
  store<u32>(ATTENTION, load<u32>(ATTENTION) | ATTENTION_STEP);
}
/** PAUSE: an exit, or a hint. Where there are several processors, the next one gets its turn. */
export function PAUSE(): void {
  if (primary(PrimaryControl.PauseExiting)) vmExit(ExitReason.Pause, 0);
  else if (load<u32>(PROCESSOR_COUNT) > 1) store<u32>(STOP, STOP_PAUSE);
}
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
  if (!(load<u32>(CR4) & Cr4.Osxsave)) raise(UD);
  supervisorOnly();
  if (nonRoot()) { vmExit(ExitReason.Xsetbv, 0); return; }
  if (!writeXcr(reg<u32>(RCX), <u64>reg<u32>(RAX) | (<u64>reg<u32>(RDX) << 32))) raiseCode(GP, 0);
}
/** Writes an extended control register. @returns false for #GP. */
export function writeXcr(index: u32, v: u64): bool {
  if (index != 0 || !isXcr0(<i32>v, <i32>(v >> 32), supportedComponents())) return false;
  store<u64>(XCR0, v);
  return true;
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
