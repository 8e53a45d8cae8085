// SPDX-License-Identifier: LGPL-2.1-only
// Exceptions, interrupts and their delivery: SDM 3A "Interrupt and Exception Handling"; in VMX non-root operation SDM 3C "VM Exits".
//
// raise… does not return: it writes the waiting event (FAULT_*), makes RIP and the instruction count exact and throws the host's preallocated exception.
// execute() (cpu.ts) is then called again and delivers the event; a fault during delivery goes the same way, with DELIVERY saying what was under way.
import {
  ACTIVITY, BUDGET, CR0, CR2, CPL, CURRENT_RECORD, DEBUGCTL, DEBUG_TRAPS, DELIVERY, DELIVERY_CODE, DELIVERY_LENGTH, DR6, DR7, FAULT_ADDRESS, FAULT_CODE, FAULT_DEBUG,
  FAULT_HAS_CODE, FAULT_INJECTED, FAULT_LENGTH, FAULT_PENDING, FAULT_TYPE, FAULT_VECTOR, IDTR_BASE, IDTR_LIMIT, INTERRUPTIBILITY, RFLAGS_SYSTEM, RIP, STOP,
  STOP_SHUTDOWN, STOP_UNIMPLEMENTED, UNIMPLEMENTED, ATTENTION, ATTENTION_STEP, VMX_EXCEPTION_BITMAP, VMX_PF_MASK, VMX_PF_MATCH, VMX_MTF_PENDING,
  CS, CS_SELECTOR, SS, SS_SELECTOR, SS_BASE, SS_LIMIT, SS_RIGHTS, TR_BASE, TR_LIMIT, TR_RIGHTS, TR_SELECTOR, CR4, ES, DS, FS, GS, ES_SELECTOR, STACK_MASK, RSP,
} from "../generated/layout";
import { currentRip, reg, setReg, stackLinear, write } from "../memory/access";
import { chainBegins, chainComplete, chainDoubled, chainRaised } from "../state/event_chain";
import { arithmeticFlags } from "../state/flags";
import { canonical } from "../translation/paging";
import { stepping } from "../memory/physical_memory";
import { readSystem, writeSystem } from "../memory/system_access";
import { inLong, inVm86, nonRoot, updateAttention, updateMode } from "../state/mode";
import { baseOf, checkStackRoom, fetchDescriptor, limitOf, loadRealSegment, markAccessed, rightsOf, setNull, setSegment } from "../segmentation/segment";
import { frameBegin, frameEnd, framePush, setStackPointer } from "../segmentation/stack_frame";
import { SOURCE_GATE, taskSwitch } from "../control_flow/task";
import { primary, vmExitBoundary, vmExitEvent } from "../vmx/vmx";
import {
  InterruptionType, TS, GP, AC, DB, DE, ExitReason, DF, PrimaryControl, Rflags, AccessRights, NP, SS_FAULT,
  PF,
} from "../generated/architecture";
import { RecordField } from "../generated/record_format";

/** Vectors. */
/** Event types of VM-entry interruption information. */

@external("env", "raise") declare function hostRaise(): void;
/** Unwinds to the host, which calls execute() again. */
export function throwHost(): void { hostRaise(); }

/** True after an event was delivered during the current step: it takes the place of the single-step trap. */
export let delivered: bool = false;
export function clearDelivered(): void { delivered = false; }
/** The current instruction decides about its single-step trap itself. */
export function ownTrap(): void { delivered = true; }
/** DEBUG_TRAPS at the start of the current step, restored when the instruction does not complete. */
let trapsBefore: u64 = 0;
export function keepTraps(): void { trapsBefore = load<u64>(DEBUG_TRAPS); }

/** Takes back the position in the current block: RIP = the current instruction, the count = the instructions before it. */
export function rewind(): void {
  const record = load<u32>(CURRENT_RECORD);
  if (!record) return;
  store<u64>(RIP, currentRip());
  store<i32>(BUDGET, load<i32>(BUDGET) - (<i32>load<u8>(record, RecordField.Count) - 1));
  store<u32>(CURRENT_RECORD, 0);
}

/** Writes the waiting event. */
export function setEvent(vector: u32, type: u32, hasCode: bool, code: u32, length: u32): void {
  store<u32>(FAULT_PENDING, 1);
  store<u32>(FAULT_VECTOR, vector);
  store<u32>(FAULT_TYPE, type);
  store<u32>(FAULT_HAS_CODE, u32(hasCode));
  store<u32>(FAULT_CODE, code);
  store<u32>(FAULT_LENGTH, length);
  store<u32>(FAULT_INJECTED, 0);
}
function raiseEvent(vector: u32, hasCode: bool, code: u32): void {
  rewind();
  if (stepping) store<u64>(DEBUG_TRAPS, trapsBefore);
  setEvent(vector, InterruptionType.HardwareException, hasCode, code, 0);
  hostRaise();
}
/** The EXT bit: 1 while an event that no instruction asked for is being delivered. SDM 3A "Error Code". */
function external(): u32 {
  const event = load<u32>(DELIVERY), type = (event >> 8) & 7;
  return u32((event >> 31) != 0 && type != InterruptionType.SoftwareInterrupt && type != InterruptionType.SoftwareException);
}
/** Raises an exception without error code. Never returns. */
export function raise(vector: u32): void { raiseEvent(vector, false, 0); }
/** Raises an exception with an error code (selector index in bits 15:2; the EXT bit is added here). Never returns. */
export function raiseCode(vector: u32, code: u32): void {
  raiseEvent(vector, true, vector >= TS && vector <= GP ? code | external() : vector == AC ? external() : code);
}
/** Raises #PF; CR2 changes when it is delivered. Never returns. */
export function raisePageFault(address: u64, code: u32): void {
  store<u64>(FAULT_ADDRESS, address);
  raiseEvent(PF, true, code);
}
/** Raises #DB as a fault (instruction breakpoint, general detect) with DR6 bits. Never returns. */
export function raiseDebugFault(bits: u64): void {
  store<u64>(FAULT_DEBUG, bits);
  raiseEvent(DB, false, 0);
}
/** What software asks for is not done: the machine stops and says so. An instruction that calls this returns at once. `reason`: UNIMPLEMENTED_*. */
export function stopUnimplemented(reason: u32): void {
  store<u32>(UNIMPLEMENTED, reason);
  store<u32>(STOP, STOP_UNIMPLEMENTED);
}
/** The current x87 instruction waits until an interrupt has dealt with the error before it, and then begins again. Never returns. */
export function waitForInterrupt(): void {
  rewind();
  store<u32>(ACTIVITY, 1);
  hostRaise();
}
/** The current instruction touches a device in the middle of a block: begin it again as a step of its own, so that the count and interrupts are exact. */
export function restartStepping(): void {
  rewind();
  store<u32>(ATTENTION, load<u32>(ATTENTION) | ATTENTION_STEP);
  hostRaise();
}

// ---- choosing what happens to the waiting event ------------------------------------------------------------------------------

function contributory(vector: u32): bool { return vector == DE || (vector >= TS && vector <= GP); }
/** True if the waiting exception causes a VM exit. SDM 3C "Exception Bitmap". */
function intercepted(vector: u32, type: u32, code: u32): bool {
  if (!nonRoot()) return false;
  if (type != InterruptionType.HardwareException && type != InterruptionType.SoftwareException && type != InterruptionType.PrivilegedSoftwareException) return false;
  const bit = (load<u32>(VMX_EXCEPTION_BITMAP) >> vector) & 1;
  if (vector != PF) return bit != 0;
  return u32((code & load<u32>(VMX_PF_MASK)) == load<u32>(VMX_PF_MATCH)) == bit;
}
/** Shutdown: a VM exit of the guest, the end of the machine otherwise. */
function tripleFault(): void {
  chainComplete();
  store<u32>(DELIVERY, 0);
  if (nonRoot()) vmExitBoundary(ExitReason.TripleFault, 0);
  else { store<u32>(ACTIVITY, 2); store<u32>(STOP, STOP_SHUTDOWN); }
}

/** Delivers the waiting event, or makes the VM exit, double fault or shutdown that it amounts to. */
export function deliverPending(): void {
  let vector = load<u32>(FAULT_VECTOR), code = load<u32>(FAULT_CODE), hasCode = load<u32>(FAULT_HAS_CODE) & load<u32>(CR0) & 1;          // real-address mode knows no error codes
  const type = load<u32>(FAULT_TYPE), length = load<u32>(FAULT_LENGTH), injected = load<u32>(FAULT_INJECTED) != 0;
  store<u32>(FAULT_PENDING, 0);
  store<u32>(FAULT_INJECTED, 0);
  const within = (load<u32>(DELIVERY) >> 31) != 0;
  if (!injected && intercepted(vector, type, code)) {
    const qualification = vector == PF ? load<u64>(FAULT_ADDRESS) : vector == DB ? load<u64>(FAULT_DEBUG) : 0;
    vmExitEvent(vector | (type << 8) | (hasCode << 11) | 0x80000000, code, qualification, length, within);
    return;
  }
  if (!within) chainBegins();
  else if (type == InterruptionType.HardwareException) chainRaised(vector | (type << 8) | (hasCode << 11) | 0x80000000, code);
  if (vector == PF && type == InterruptionType.HardwareException && !injected) store<u64>(CR2, load<u64>(FAULT_ADDRESS));
  if (within && type == InterruptionType.HardwareException) {
    const first = load<u32>(DELIVERY) & 255, firstType = (load<u32>(DELIVERY) >> 8) & 7;
    if (firstType == InterruptionType.HardwareException) {
      if (first == DF) { tripleFault(); return; }
      if ((contributory(first) && contributory(vector)) || (first == PF && (vector == PF || contributory(vector)))) {
        chainDoubled();
        vector = DF; code = 0; hasCode = load<u32>(CR0) & 1;
        if (intercepted(DF, type, 0)) { vmExitEvent(DF | (type << 8) | (hasCode << 11) | 0x80000000, 0, 0, 0, false); return; }
      }
    }
  }
  if (vector == DB && !injected) recordDebug();
  store<u32>(DELIVERY, vector | (type << 8) | (hasCode << 11) | 0x80000000);
  store<u32>(DELIVERY_CODE, code);
  store<u32>(DELIVERY_LENGTH, length);
  deliver(vector, type, hasCode != 0, code, length);
  store<u32>(DELIVERY, 0);
  store<u32>(ACTIVITY, 0);
  store<u32>(INTERRUPTIBILITY, (load<u32>(INTERRUPTIBILITY) & ~3) | (type == InterruptionType.NonMaskableInterrupt ? 8 : 0));
  store<i32>(BUDGET, load<i32>(BUDGET) - 1);
  delivered = true;
  if (primary(PrimaryControl.MonitorTrapFlag)) store<u32>(VMX_MTF_PENDING, 1);                   // MTF is pending before the handler's first instruction
  updateAttention();
}
/** DR6 and DR7 as a debug exception leaves them. SDM 3B "Debug Status Register (DR6)". */
function recordDebug(): void {
  const type = load<u32>(FAULT_TYPE);
  if (type != InterruptionType.HardwareException && type != InterruptionType.PrivilegedSoftwareException) return;
  if (load<u64>(FAULT_DEBUG) != 0) store<u64>(DR6, (load<u64>(DR6) & ~(<u64>0xf)) | load<u64>(FAULT_DEBUG));
  store<u64>(DR7, load<u64>(DR7) & ~(<u64>0x2000));
  store<u64>(DEBUGCTL, load<u64>(DEBUGCTL) & ~(<u64>3));              // LBR and BTF
}

/** VM entry's event injection: the event is delivered when the core runs next. SDM 3C "Event Injection". */
export function injectEvent(information: u32, code: u32, length: u32): void {
  const type = (information >> 8) & 7;
  if (type == 7) { store<u32>(VMX_MTF_PENDING, 1); updateAttention(); return; }
  setEvent(information & 255, type, ((information >> 11) & 1) != 0, code, length);
  store<u32>(FAULT_INJECTED, 1);
}

/** INT n, INT3, INTO, INT1: delivers at once; RIP is afterwards the handler's. The caller continues there. */
export function softwareInterrupt(vector: u32, type: u32, length: u32): void {
  rewind();
  if (vector == DB && type == InterruptionType.PrivilegedSoftwareException) {                     // INT1 takes along the data breakpoints that MOV SS held back
    store<u64>(FAULT_DEBUG, load<u64>(DEBUG_TRAPS));
    store<u64>(DEBUG_TRAPS, 0);
  }
  setEvent(vector, type, false, 0, length);
  deliverPending();
}

// ---- delivery ---------------------------------------------------------------------------------------------------------------

/** RFLAGS as pushed: RF is 1 for faults, so that the repeated instruction does not meet its breakpoint again. SDM 3B "Instruction-Breakpoint Exception Condition". */
function flagsToPush(vector: u32, type: u32): u64 {
  const flags = load<u64>(RFLAGS_SYSTEM) | <u64>arithmeticFlags();
  return type == InterruptionType.HardwareException && vector != DB ? flags | Rflags.ResumeFlag : flags;
}
function software(type: u32): bool {
  return type == InterruptionType.SoftwareInterrupt || type == InterruptionType.PrivilegedSoftwareException
    || type == InterruptionType.SoftwareException;
}

function deliver(vector: u32, type: u32, hasCode: bool, code: u32, length: u32): void {
  const rip = software(type) ? load<u64>(RIP) + length : load<u64>(RIP);
  const flags = flagsToPush(vector, type);
  if (!(load<u32>(CR0) & 1)) deliverReal(vector, rip, <u32>flags, IDTR_BASE);
  else if (inLong()) deliverLong(vector, type, hasCode, code, rip, flags);
  else if (type == InterruptionType.SoftwareInterrupt && inVm86() && redirected(vector)) deliverReal(vector, rip, <u32>flags, 0);
  else {
    // INT n in virtual-8086 mode needs IOPL 3 unless the task redirects it. SDM 3B "Class 1-3 interrupt handling".
    if (type == InterruptionType.SoftwareInterrupt && inVm86() && (load<u64>(RFLAGS_SYSTEM) & 0x3000) != 0x3000) raiseCode(GP, 0);
    deliverProtected(vector, type, hasCode, code, <u32>rip, <u32>flags);
  }
}

/** CR4.VME: the task's interrupt redirection bitmap sends INT n of a virtual-8086 program to its own table. SDM 3B "Software Interrupt Redirection". */
function redirected(vector: u32): bool {
  if (!(load<u32>(CR4) & 1)) return false;
  const map = <u32>readSystem<u16>(load<u64>(TR_BASE) + 0x66);
  const at = map - 32 + (vector >> 3);
  if (map < 32 || at > load<u32>(TR_LIMIT)) return false;
  return !((<u32>readSystem<u8>(load<u64>(TR_BASE) + at) >> (vector & 7)) & 1);
}

/** Real-address mode: a table of far pointers. `table`: word with its base, 0 = linear address 0 (virtual-8086 redirection). */
function deliverReal(vector: u32, rip: u64, flags: u32, table: usize): void {
  let at: u64 = vector * 4;
  if (table) {
    if (vector * 4 + 3 > load<u32>(IDTR_LIMIT)) raiseCode(GP, vector * 8 + 2);
    at += load<u64>(table);
  }
  const ip = readSystem<u16>(at), cs = readSystem<u16>(at + 2);
  let pushed = flags;
  if (inVm86() && (flags & 0x3000) != 0x3000) pushed = (flags & ~0x200) | 0x3000 | ((flags >> 10) & 0x200);   // IF := VIF, IOPL := 3
  const sp = reg<u64>(<u32>RSP);
  write<u16>(stackLinear(sp - 2), <u16>pushed);
  write<u16>(stackLinear(sp - 4), <u16>load<u32>(CS_SELECTOR));
  write<u16>(stackLinear(sp - 6), <u16>rip);
  setStackPointer(sp - 6);
  let system = load<u64>(RFLAGS_SYSTEM) & ~(Rflags.TrapFlag | Rflags.ResumeFlag | Rflags.AlignmentCheckAccessControl);
  if (inVm86()) {
    // a redirected interrupt of a program with IOPL below 3 clears VIF in IF's stead
    const virtual = (load<u64>(RFLAGS_SYSTEM) & Rflags.PrivilegeLevel) != Rflags.PrivilegeLevel;
    system = load<u64>(RFLAGS_SYSTEM) & ~(Rflags.TrapFlag | (virtual ? Rflags.VirtualInterruptFlag : Rflags.InterruptEnableFlag));
  }
  else system &= ~Rflags.InterruptEnableFlag;
  store<u64>(RFLAGS_SYSTEM, system);
  loadRealSegment(CS, cs);
  store<u64>(RIP, <u64>ip);
  updateMode();
}

/** Raises #GP with the vector's IDT error code. */
function badGate(vector: u32, fault: u32): void { raiseCode(fault, vector * 8 + 2); }

/** What the gate's code segment gives: its descriptor, the new CPL. */
let targetRaw: u64 = 0;
let targetCpl: u32 = 0;
/** Checks the code segment of an interrupt gate. SDM 3A "Protection of Exception- and Interrupt-Handler Procedures". */
function checkHandler(selector: u32, long: bool): void {
  if (!(selector & 0xfffc)) raiseCode(GP, 0);
  const raw = fetchDescriptor(selector, GP), rights = rightsOf(raw), dpl = (rights >> 5) & 3, cpl = load<u32>(CPL);
  if ((rights & 0x18) != 0x18 || dpl > cpl) raiseCode(GP, selector & 0xfffc);
  if (long && (rights & (AccessRights.L | AccessRights.Db)) != AccessRights.L) raiseCode(GP, selector & 0xfffc);
  if (!(rights & 0x80)) raiseCode(NP, selector & 0xfffc);
  targetRaw = raw;
  targetCpl = rights & 4 ? cpl : dpl;
}
function enterHandler(selector: u32, rip: u64, interruptGate: bool): void {
  markAccessed(selector, targetRaw);
  setSegment(CS, (selector & 0xfffc) | targetCpl, targetRaw);
  store<u32>(CPL, targetCpl);
  store<u64>(RIP, rip);
  let flags = load<u64>(RFLAGS_SYSTEM) & ~(Rflags.TrapFlag | Rflags.NestedTask | Rflags.ResumeFlag | Rflags.Virtual8086Mode);
  if (interruptGate) flags &= ~Rflags.InterruptEnableFlag;
  store<u64>(RFLAGS_SYSTEM, flags);
  updateMode();
}

/** IA-32e mode: 16-byte gates, interrupt stack table, SS:RSP always pushed. SDM 3A "Exception and Interrupt Handling in 64-bit Mode". */
function deliverLong(vector: u32, type: u32, hasCode: bool, code: u32, rip: u64, flags: u64): void {
  if (vector * 16 + 15 > load<u32>(IDTR_LIMIT)) badGate(vector, GP);
  const at = load<u64>(IDTR_BASE) + vector * 16, low = readSystem<u64>(at), high = readSystem<u64>(at + 8), kind = <u32>(low >> 40) & 0x1f;
  if (kind != 14 && kind != 15) badGate(vector, GP);
  const cpl = load<u32>(CPL);
  if (software(type) && type != InterruptionType.PrivilegedSoftwareException && ((<u32>(low >> 45)) & 3) < cpl) badGate(vector, GP);
  if (!(low >> 47 & 1)) badGate(vector, NP);
  const selector = <u32>(low >> 16) & 0xffff, target = (low & 0xffff) | ((low >> 32) & 0xffff0000) | (high << 32), ist = <u32>(low >> 32) & 7;
  checkHandler(selector, true);
  const inner = targetCpl < cpl;
  let sp = reg<u64>(<u32>RSP);
  if (ist) sp = tssStack(0x24 + (ist - 1) * 8);
  else if (inner) sp = tssStack(4 + targetCpl * 8);
  sp &= ~(<u64>15);
  if (!canonical(sp - 48) || !canonical(sp)) raiseCode(SS_FAULT, 0);
  const user = targetCpl == 3;
  pushLong(sp - 8, <u64>load<u32>(SS_SELECTOR), user);
  pushLong(sp - 16, reg<u64>(<u32>RSP), user);
  pushLong(sp - 24, flags, user);
  pushLong(sp - 32, <u64>load<u32>(CS_SELECTOR), user);
  pushLong(sp - 40, rip, user);
  if (hasCode) pushLong(sp - 48, <u64>code, user);
  if (!canonical(target)) raiseCode(GP, 0);
  setReg<u64>(<u32>RSP, sp - (hasCode ? 48 : 40));
  if (inner) setNull(SS, targetCpl);
  enterHandler(selector, target, kind == 14);
}
function pushLong(at: u64, v: u64, user: bool): void { if (user) write<u64>(at, v); else writeSystem<u64>(at, v); }
/** A stack pointer of the 64-bit TSS. */
export function tssStack(offset: u32): u64 {
  if (offset + 7 > load<u32>(TR_LIMIT)) raiseCode(TS, load<u32>(TR_SELECTOR) & 0xfffc);
  return readSystem<u64>(load<u64>(TR_BASE) + offset);
}

/** Protected and virtual-8086 mode: interrupt, trap and task gates of 16 and 32 bits. */
function deliverProtected(vector: u32, type: u32, hasCode: bool, code: u32, eip: u32, flags: u32): void {
  if (vector * 8 + 7 > load<u32>(IDTR_LIMIT)) badGate(vector, GP);
  const gate = readSystem<u64>(load<u64>(IDTR_BASE) + vector * 8), kind = <u32>(gate >> 40) & 0x1f;
  if (kind != 5 && kind != 6 && kind != 7 && kind != 14 && kind != 15) badGate(vector, GP);
  if (software(type) && type != InterruptionType.PrivilegedSoftwareException && ((<u32>(gate >> 45)) & 3) < load<u32>(CPL)) badGate(vector, GP);
  if (!(gate >> 47 & 1)) badGate(vector, NP);
  const selector = <u32>(gate >> 16) & 0xffff;
  if (kind == 5) { taskSwitch(selector, SOURCE_GATE, hasCode, code, eip, flags); return; }
  checkHandler(selector, false);
  const wide = kind >= 14, offset = wide ? <u32>(gate & 0xffff) | (<u32>(gate >> 32) & 0xffff0000) : <u32>gate & 0xffff;
  const vm86 = inVm86();
  if (vm86 && targetCpl != 0) raiseCode(GP, selector & 0xfffc);
  if (targetCpl < load<u32>(CPL)) {
    innerStack(targetCpl);
    const words = (vm86 ? 9 : 5) + u32(hasCode);
    checkStackRoom(newSsRaw, newSp, words * (wide ? 4 : 2), newSs & 0xfffc);
    frameBegin(newSp, baseOf(newSsRaw), rightsOf(newSsRaw), true);
    if (vm86) for (let i = 0; i < 4; i++) framePush(load<u32>(ES_SELECTOR + (i == 0 ? GS : i == 1 ? FS : i == 2 ? DS : ES) * 4), wide);
    framePush(load<u32>(SS_SELECTOR), wide);
    framePush(<u32>reg<u64>(<u32>RSP), wide);
  } else {
    checkStackRoomCurrent((3 + u32(hasCode)) * (wide ? 4 : 2));
    frameBegin(reg<u64>(<u32>RSP), load<u64>(SS_BASE), load<u32>(SS_RIGHTS), targetCpl != 3);
  }
  framePush(flags, wide);
  framePush(load<u32>(CS_SELECTOR), wide);
  framePush(eip, wide);
  if (hasCode) framePush(code, wide);
  if (offset > limitOf(targetRaw)) raiseCode(GP, 0);
  if (targetCpl < load<u32>(CPL)) {
    setReg<u64>(<u32>RSP, rightsOf(newSsRaw) & AccessRights.Db ? frameEnd() : (reg<u64>(<u32>RSP) & 0xffff0000) | frameEnd());
    markAccessed(newSs, newSsRaw);
    setSegment(SS, newSs, newSsRaw);
    if (vm86) { setNull(GS, 0); setNull(FS, 0); setNull(DS, 0); setNull(ES, 0); }
  } else setStackPointer(frameEnd());
  enterHandler(selector, <u64>offset, (kind & 1) == 0);
}
/** Same-privilege frames: #SS(0) if the current stack has no room. */
function checkStackRoomCurrent(bytes: u32): void {
  const limit = load<u32>(SS_LIMIT), rights = load<u32>(SS_RIGHTS), mask = <u32>load<u64>(STACK_MASK), sp = <u32>reg<u64>(<u32>RSP) & mask;
  const first = (sp - bytes) & mask, last = (sp - 1) & mask;
  const fits = rights & 4 ? first > limit && last <= (rights & AccessRights.Db ? 0xffffffff : 0xffff) : first <= last ? last <= limit : limit == 0xffffffff;
  if (!fits) raiseCode(SS_FAULT, 0);
}

let newSs: u32 = 0;
let newSsRaw: u64 = 0;
let newSp: u64 = 0;
/** Results of `innerStack`, for call gates. */
export function innerSs(): u32 { return newSs; }
export function innerSsRaw(): u64 { return newSsRaw; }
export function innerSp(): u64 { return newSp; }
/** Finds the stack of an inner privilege level in the TSS and checks its segment: #TS, or #SS if it is not present. */
export function innerStack(cpl: u32): void {
  const tr = load<u32>(TR_SELECTOR) & 0xfffc, wide = (load<u32>(TR_RIGHTS) & 8) != 0, at = wide ? 4 + cpl * 8 : 2 + cpl * 4;
  if (<u32>at + (wide ? 5 : 3) > load<u32>(TR_LIMIT)) raiseCode(TS, tr);
  const base = load<u64>(TR_BASE) + at;
  newSp = wide ? <u64>readSystem<u32>(base) : <u64>readSystem<u16>(base);
  newSs = <u32>readSystem<u16>(base + (wide ? 4 : 2));
  if (!(newSs & 0xfffc)) raiseCode(TS, 0);
  newSsRaw = fetchDescriptor(newSs, TS);
  const rights = rightsOf(newSsRaw);
  if ((newSs & 3) != cpl || ((rights >> 5) & 3) != cpl || (rights & 0x1a) != 0x12) raiseCode(TS, newSs & 0xfffc);
  if (!(rights & 0x80)) raiseCode(SS_FAULT, newSs & 0xfffc);
}
