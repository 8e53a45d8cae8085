// SPDX-License-Identifier: LGPL-2.1-only
// System instructions: SDM 3A "System Instruction Reference"; fast system calls, flags, HLT, I/O, CPUID, cache and TLB control, VMX
// instructions.
// Each ends its block. A VM exit is recorded and the instruction returns without having changed anything.
import { probe, read, value, write } from "../memory/access";
import { replaceRflags, rflags } from "../state/flags";
import {
  RAX, RBX, RCX, RDI, RDX, RSI, RSP, R11, ACTIVITY, APIC_BASE, ATTENTION, ATTENTION_STEP, CPL, CPUID_COUNT,
  CPUID_TABLE, CR0, CR4, CS, CS_LIMIT, CS_RIGHTS, DEBUG_TRAPS, EFER, ES_BASE, ES_SELECTOR, FEATURE_CONTROL, FMASK,
  LSTAR, PROCESSOR_ID, RFLAGS_SYSTEM, SS, STAR, STOP, STOP_VMX_INSTRUCTION, SYSENTER_CS, SYSENTER_EIP, SYSENTER_ESP,
  TR_BASE, TR_LIMIT, TR_RIGHTS, VMX_CR0_FIXED0, VMX_CR0_FIXED1, VMX_CR4_FIXED0, VMX_CR4_FIXED1,
  VMX_INSTRUCTION_INVEPT, VMX_INSTRUCTION_INVVPID, VMX_INSTRUCTION_VMCALL, VMX_INSTRUCTION_VMCLEAR,
  VMX_INSTRUCTION_VMLAUNCH, VMX_INSTRUCTION_VMPTRLD, VMX_INSTRUCTION_VMPTRST, VMX_INSTRUCTION_VMREAD,
  VMX_INSTRUCTION_VMRESUME, VMX_INSTRUCTION_VMWRITE, VMX_INSTRUCTION_VMXOFF, VMX_INSTRUCTION_VMXON, VMX_IO_BITMAP_A,
  VMX_IO_BITMAP_B, VMX_MODE, VMX_OPERAND_DESCRIPTOR0, VMX_OPERAND_DESCRIPTOR1, VMX_OPERAND_FIELD,
  VMX_OPERAND_INSTRUCTION, VMX_OPERAND_LENGTH, VMX_OPERAND_LINEAR, VMX_OPERAND_REGISTER, VMX_OPERAND_SIZE,
  VMX_OPERAND_VALUE, VMX_PRIMARY, GUEST_LINEAR_ADDRESS, XCR0,
} from "../generated/layout";
import { in64, inLong, inProtected, inVm86, nonRoot, updateAttention } from "../state/mode";
import { watchPort } from "../events/breakpoints";
import { canonical } from "../translation/paging";
import { readSystem } from "../memory/system_access";
import {
  operandInformation, stringInformation, operandDisplacement, secondRegister,
} from "../decode/instruction_information";
import { shadowMovSs, shadowSti } from "../state/shadow";
import { loadSegment } from "../segmentation/segment";
import { push, peek, moveStackPointer } from "../integer/stack";
import { destination, source } from "../integer/string";
import { primary, secondary, vmExit, vmExitInformation } from "../vmx/vmx";
import { GP, UD, Rflags, PrimaryControl, ExitReason, SecondaryControl } from "../generated/architecture";
import { reportedAddress } from "../code/record";
import { raise, raiseCode } from "../events/raise";
import { structureHost } from "../physical/ram";
import { continueAt, jump, nextRip, instructionLength, noteDelivered } from "../state/instruction";
import { Mem, Reg, reg, setReg } from "../state/registers";
import { updateMode } from "../tlb/mode_update";
import { invalidatePage } from "../tlb/tlb";

@external("env", "portRead") declare function portRead(port: u32, size: u32): u32;
@external("env", "portWrite") declare function portWrite(port: u32, size: u32, value: u32): void;

function supervisorOnly(): void { if (load<u32>(CPL) != 0) raiseCode(GP, 0); }
@inline function iopl(): u32 { return <u32>(load<u64>(RFLAGS_SYSTEM) >> 12) & 3; }
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
  else if (cpl <= iopl()) mask |= Rflags.InterruptEnableFlag;
  else if (cpl == 3 && (load<u32>(CR4) & 2) != 0 && !wide) {                     // CR4.PVI
    if ((v & Rflags.TrapFlag) != 0
      || ((v & Rflags.InterruptEnableFlag) != 0 && (load<u64>(RFLAGS_SYSTEM) & Rflags.VirtualInterruptPending) != 0)) raiseCode(GP, 0);
    mask |= Rflags.VirtualInterruptFlag;
    set = (v & ~Rflags.VirtualInterruptFlag) | ((v & Rflags.InterruptEnableFlag) << 10);
  }
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

// ---- I/O --------------------------------------------------------------------------------------------------------------------------------

/** I/O privilege: IOPL, then the permission bitmap of a 32- or 64-bit TSS. SDM 1 "I/O Permission Bit Map". */
function checkPort(port: u32, size: u32): void {
  if (!(load<u32>(CR0) & 1) || (!inVm86() && load<u32>(CPL) <= iopl())) return;
  const limit = load<u32>(TR_LIMIT);
  if ((load<u32>(TR_RIGHTS) & 0x10000) != 0 || !(load<u32>(TR_RIGHTS) & 8) || limit < 0x67) raiseCode(GP, 0);
  const at = <u32>readSystem<u16>(load<u64>(TR_BASE) + 0x66) + (port >> 3);
  if (at + 1 > limit) raiseCode(GP, 0);
  const bits = <u32>readSystem<u16>(load<u64>(TR_BASE) + at) >> (port & 7);
  if (bits & ((1 << size) - 1)) raiseCode(GP, 0);
}
/** True if the controls or the I/O bitmaps make this access leave; an access that wraps beyond FFFFH does. */
function portLeaves(port: u32, size: u32): bool {
  if (!nonRoot()) return false;
  const controls = load<u32>(VMX_PRIMARY);
  if (!(controls & PrimaryControl.UseIoBitmaps)) return (controls & PrimaryControl.UnconditionalIoExiting) != 0;
  if (port + size > 0x10000) return true;
  for (let p = port; p < port + size; p++) {
    const host = structureHost((p < 0x8000 ? load<u64>(VMX_IO_BITMAP_A) : load<u64>(VMX_IO_BITMAP_B)) + ((p & 0x7fff) >> 3));
    if (host == 0 || ((load<u8>(host) >> (p & 7)) & 1) != 0) return true;
  }
  return false;
}
/** Checks an I/O access. @returns false if the instruction left. `bits`: qualification bits besides size and port. */
function allowed(port: u32, size: u32, bits: u32): bool {
  checkPort(port, size);
  if (!portLeaves(port, size)) return true;
  vmExit(ExitReason.IoInstruction, <u64>((size - 1) | bits | (port << 16)));
  return false;
}
function input<T>(d: Reg, port: u32, bits: u32): void {
  if (allowed(port, sizeof<T>(), bits | 8)) setReg<T>(d, <T>readPort(port, sizeof<T>()));
}
function output<T>(port: u32, s: Reg, bits: u32): void {
  if (allowed(port, sizeof<T>(), bits)) writePort(port, sizeof<T>(), <u32>reg<T>(s));
}
function readPort(port: u32, size: u32): u32 { watchPort(port, size); return portRead(port, size); }
function writePort(port: u32, size: u32, v: u32): void { watchPort(port, size); portWrite(port, size, v); }
/** IN, OUT with an immediate port or DX. */
export function IN_IMM<T>(d: Reg, port: u8): void { input<T>(d, <u32>port, 0x40); }
export function IN_DX<T>(d: Reg, port: u16): void { input<T>(d, <u32>port, 0); }
export function OUT_IMM<T>(port: u8, s: Reg): void { output<T>(<u32>port, s, 0x40); }
export function OUT_DX<T>(port: u16, s: Reg): void { output<T>(<u32>port, s, 0); }

@inline function step<T>(): i64 { return load<u64>(RFLAGS_SYSTEM) & Rflags.DirectionFlag ? -<i64>sizeof<T>() : <i64>sizeof<T>(); }
/** Goes on with the next element, one an instruction, so that interrupts are taken between elements. */
@inline function again<A>(rep: u32, rip: u64): void {
  if (!rep) return;
  const left = <A>(reg<A>(RCX) - 1);
  setReg<A>(RCX, left);
  if (left) continueAt(rip);
}
function stringLeaves<A>(port: u32, size: u32, bits: u32, ea: u64, segment: u32): bool {
  checkPort(port, size);
  if (!portLeaves(port, size)) return false;
  store<u64>(GUEST_LINEAR_ADDRESS, reportedAddress(ea));
  vmExitInformation(ExitReason.IoInstruction, <u64>((size - 1) | bits | 0x10 | (port << 16)), stringInformation<A>(segment));
  return true;
}
/** INS: ES:rDI := port DX. SDM 2A "INS/INSB/INSW/INSD". */
export function INS<T, A>(rep: u32, rip: u64): void {
  if (rep && reg<A>(RCX) == 0) return;
  const port = <u32>reg<u16>(RDX), ea = destination<A>();
  if (stringLeaves<A>(port, sizeof<T>(), 8 | (rep ? 0x20 : 0), ea, 0)) return;
  probe(ea, sizeof<T>(), sizeof<T>(), 1);
  write<T>(ea, <T>readPort(port, sizeof<T>()));
  setReg<A>(RDI, <A>(<u64>reg<A>(RDI) + step<T>()));
  again<A>(rep, rip);
}
/** OUTS: port DX := segment:rSI. */
export function OUTS<T, A>(rep: u32, segment: Reg, rip: u64): void {
  if (rep && reg<A>(RCX) == 0) return;
  const port = <u32>reg<u16>(RDX), ea = source<A>(segment);
  if (stringLeaves<A>(port, sizeof<T>(), rep ? 0x20 : 0, ea, segment)) return;
  writePort(port, sizeof<T>(), <u32>read<T>(ea));
  setReg<A>(RSI, <A>(<u64>reg<A>(RSI) + step<T>()));
  again<A>(rep, rip);
}

// ---- VMX instructions --------------------

function checkVmx(): void { if (!load<u32>(VMX_MODE) || !inProtected() || (inLong() && !in64())) raise(UD); }
/**
 * True if the instruction, which has no operand, is for the engine: #UD and #GP(0) are checked; in non-root operation it leaves. SDM 3D
 * "VMX Instruction Reference".
 */
function forEngine(reason: u32): bool {
  checkVmx();
  if (nonRoot()) { vmExit(reason, 0); return false; }
  supervisorOnly();
  return true;
}
/** The same with an operand. `second`: instruction information of the other one. */
function forEngineWith<D>(reason: u32, operand: D, second: u32): bool {
  checkVmx();
  if (nonRoot()) { vmExitInformation(reason, operandDisplacement<D>(), operandInformation<D>(operand) | second); return false; }
  supervisorOnly();
  return true;
}
function handOver(instruction: u32): void {
  store<u32>(VMX_OPERAND_INSTRUCTION, instruction);
  store<u32>(VMX_OPERAND_LENGTH, instructionLength());
  store<u32>(STOP, STOP_VMX_INSTRUCTION);
}
function handOverMemory(instruction: u32, ea: Mem): void {
  store<u64>(VMX_OPERAND_VALUE, read<u64>(ea));
  handOver(instruction);
}
/** VMXON m64: also CR0, CR4 and IA32_FEATURE_CONTROL must allow VMX operation. */
export function VMXON(ea: Mem): void {
  if (!inProtected() || !(load<u32>(CR4) & 0x2000) || (inLong() && !in64())) raise(UD);
  if (load<u32>(VMX_MODE)) { if (!forEngineWith<Mem>(ExitReason.Vmxon, ea, 0)) return; }
  else {
    supervisorOnly();
    const cr0 = load<u64>(CR0), cr4 = load<u64>(CR4);
    if ((~cr0 & load<u64>(VMX_CR0_FIXED0)) != 0 || (cr0 & ~load<u64>(VMX_CR0_FIXED1)) != 0) raiseCode(GP, 0);
    if ((~cr4 & load<u64>(VMX_CR4_FIXED0)) != 0 || (cr4 & ~load<u64>(VMX_CR4_FIXED1)) != 0) raiseCode(GP, 0);
    if ((load<u32>(FEATURE_CONTROL) & 5) != 5) raiseCode(GP, 0);
  }
  handOverMemory(VMX_INSTRUCTION_VMXON, ea);
}
export function VMXOFF(): void { if (forEngine(ExitReason.Vmxoff)) handOver(VMX_INSTRUCTION_VMXOFF); }
export function VMCLEAR(ea: Mem): void { if (forEngineWith<Mem>(ExitReason.Vmclear, ea, 0)) handOverMemory(VMX_INSTRUCTION_VMCLEAR, ea); }
export function VMPTRLD(ea: Mem): void { if (forEngineWith<Mem>(ExitReason.Vmptrld, ea, 0)) handOverMemory(VMX_INSTRUCTION_VMPTRLD, ea); }
export function VMPTRST(ea: Mem): void {
  if (!forEngineWith<Mem>(ExitReason.Vmptrst, ea, 0)) return;
  probe(ea, 8, 1, 1);
  store<u64>(VMX_OPERAND_LINEAR, ea);
  store<u32>(VMX_OPERAND_SIZE, 8);
  store<u32>(VMX_OPERAND_REGISTER, 0);
  handOver(VMX_INSTRUCTION_VMPTRST);
}
/** VMREAD r/m, r. T: u64 in 64-bit mode, else u32. */
export function VMREAD<T, D>(d: D, field: Reg): void {
  if (!forEngineWith<D>(ExitReason.Vmread, d, secondRegister(field))) return;
  if (sizeof<D>() == 8) probe(<u64>d, sizeof<T>(), 1, 1);
  store<u64>(VMX_OPERAND_FIELD, <u64>reg<T>(field));
  store<u32>(VMX_OPERAND_REGISTER, sizeof<D>() == 4 ? <u32>d : 0);
  store<u64>(VMX_OPERAND_LINEAR, sizeof<D>() == 8 ? <u64>d : 0);
  store<u32>(VMX_OPERAND_SIZE, sizeof<T>());
  handOver(VMX_INSTRUCTION_VMREAD);
}
/** VMWRITE r, r/m. */
export function VMWRITE<T, S>(field: Reg, s: S): void {
  if (!forEngineWith<S>(ExitReason.Vmwrite, s, secondRegister(field))) return;
  store<u64>(VMX_OPERAND_VALUE, <u64>value<T, S>(s));
  store<u64>(VMX_OPERAND_FIELD, <u64>reg<T>(field));
  store<u32>(VMX_OPERAND_SIZE, sizeof<T>());
  handOver(VMX_INSTRUCTION_VMWRITE);
}
export function VMLAUNCH(): void { if (forEngine(ExitReason.Vmlaunch)) handOver(VMX_INSTRUCTION_VMLAUNCH); }
export function VMRESUME(): void { if (forEngine(ExitReason.Vmresume)) handOver(VMX_INSTRUCTION_VMRESUME); }
/** VMCALL: from a guest it always leaves, at any CPL and in any mode. */
export function VMCALL(): void {
  if (nonRoot()) { vmExit(ExitReason.Vmcall, 0); return; }
  if (forEngine(ExitReason.Vmcall)) handOver(VMX_INSTRUCTION_VMCALL);
}
function invalidate(instruction: u32, reason: u32, type: Reg, ea: Mem): void {
  if (!forEngineWith<Mem>(reason, ea, secondRegister(type))) return;
  const low = read<u64>(ea), high = read<u64>(ea + 8);
  store<u64>(VMX_OPERAND_DESCRIPTOR0, low);
  store<u64>(VMX_OPERAND_DESCRIPTOR1, high);
  store<u64>(VMX_OPERAND_VALUE, in64() ? reg<u64>(type) : <u64>reg<u32>(type));
  handOver(instruction);
}
export function INVEPT(type: Reg, ea: Mem): void { invalidate(VMX_INSTRUCTION_INVEPT, ExitReason.Invept, type, ea); }
export function INVVPID(type: Reg, ea: Mem): void { invalidate(VMX_INSTRUCTION_INVVPID, ExitReason.Invvpid, type, ea); }
