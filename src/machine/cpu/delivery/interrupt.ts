// SPDX-License-Identifier: LGPL-2.1-only
// Exceptions, interrupts and their delivery: SDM 3A "Interrupt and Exception Handling"; in VMX non-root operation SDM 3C "VM Exits".
// An event waits in the words FAULT_* (raise.ts). execute() (cpu.ts) delivers it; a fault during delivery is raised in the same way, with
// DELIVERY saying what was under way.
import {
  ACTIVITY, BUDGET, CR0, CR2, CPL, DEBUGCTL, DEBUG_TRAPS, DELIVERY, DELIVERY_CODE, DELIVERY_LENGTH, DR6, DR7,
  FAULT_ADDRESS, FAULT_CODE, FAULT_DEBUG, FAULT_HAS_CODE, FAULT_INJECTED, FAULT_LENGTH, FAULT_PENDING, FAULT_TYPE,
  FAULT_VECTOR, IDTR_BASE, IDTR_LIMIT, INTERRUPTIBILITY, RFLAGS_SYSTEM, RIP, STOP, STOP_SHUTDOWN,
  VMX_EXCEPTION_BITMAP, VMX_PF_MASK, VMX_PF_MATCH, VMX_MTF_PENDING, CS, CS_SELECTOR, SS, SS_SELECTOR, SS_BASE,
  SS_RIGHTS, TR_BASE, TR_LIMIT, CR4, ES, DS, FS, GS, ES_SELECTOR, RSP,
} from "../generated/layout";
import { stackLinear, write } from "../memory/access";
import { chainBegins, chainComplete, chainDoubled, chainRaised } from "../state/event_chain";
import { arithmeticFlags } from "../state/flags";
import { canonical } from "../translation/paging";
import { readSystem, writeSystem } from "../memory/system_access";
import { isWaiting, leaveWait } from "../state/monitored_line";
import { takeNmiUnblocked } from "../state/nmi_blocking";
import { inLong, inVm86, nonRoot, updateAttention } from "../state/mode";
import { frameBegin, frameEnd, framePush, setStackPointer, checkStackRoomCurrent } from "../segmentation/stack_frame";
import { primary, vmExitBoundary, vmExitEvent } from "../vmx/vmx";
import {
  ActivityState, InterruptibilityState, InterruptionBit, InterruptionType, PendingDebugExceptions, TS, GP, DB, DE, ExitReason, DF,
  PrimaryControl, Rflags, AccessRights, NP, SS_FAULT, PF, Cr0, Cr4, Debugctl, Dr6, Dr7, SystemSegment, SystemSegmentBit, Tss32, Tss64,
} from "../generated/architecture";
import { raiseCode, setEvent } from "../events/raise";
import {
  baseOf, checkStackRoom, fetchDescriptor, limitOf, loadRealSegment, markAccessed, rightsOf, setNull, setSegment,
  gateOffset, selectorOfGate,
} from "../segmentation/descriptors";
import { innerStack, tssStack, innerSp, innerSs, innerSsRaw } from "../segmentation/task_stack";
import { SOURCE_GATE, taskSwitch } from "../segmentation/task";
import { rewind, noteDelivered, repetitionFlag } from "../state/instruction";
import { reg, setReg } from "../state/registers";
import { updateMode } from "../tlb/mode_update";
import { eventInformation, eventType, eventVector, idtError } from "../state/event_information";
import { SHADOWS, VIF_ABOVE_IF } from "../state/masks";
import { dplOf, errorOf, isCodeSegment, isConforming, isNull, isPresent, kindOf, withRpl } from "../state/rights";

// ---- choosing what happens to the waiting event ------------------------------------------------------------------------------

function contributory(vector: u32): bool { return vector == DE || (vector >= TS && vector <= GP); }
/** True if the waiting exception causes a VM exit. SDM 3C "Exception Bitmap". */
function intercepted(vector: u32, type: u32, code: u32): bool {
  if (!nonRoot()) return false;
  if (type != InterruptionType.HardwareException && type != InterruptionType.SoftwareException
    && type != InterruptionType.PrivilegedSoftwareException) return false;
  const bit = (load<u32>(VMX_EXCEPTION_BITMAP) >> vector) & 1;
  if (vector != PF) return bit != 0;
  return u32((code & load<u32>(VMX_PF_MASK)) == load<u32>(VMX_PF_MATCH)) == bit;
}
/** Shutdown: a VM exit of the guest, the end of the machine otherwise. */
function tripleFault(): void {
  chainComplete();
  store<u32>(DELIVERY, 0);
  if (nonRoot()) vmExitBoundary(ExitReason.TripleFault, 0);
  else { store<u32>(ACTIVITY, ActivityState.Shutdown); store<u32>(STOP, STOP_SHUTDOWN); }
}

/** Delivers the waiting event, or makes the VM exit, double fault or shutdown that it amounts to. */
export function deliverPending(): void {
  let vector = load<u32>(FAULT_VECTOR), code = load<u32>(FAULT_CODE);
  // real-address mode has no error codes
  let hasCode = load<u32>(FAULT_HAS_CODE) & load<u32>(CR0) & Cr0.ProtectionEnable;
  const type = load<u32>(FAULT_TYPE), length = load<u32>(FAULT_LENGTH), injected = load<u32>(FAULT_INJECTED) != 0;
  store<u32>(FAULT_PENDING, 0);
  store<u32>(FAULT_INJECTED, 0);
  const within = (load<u32>(DELIVERY) & InterruptionBit.Valid) != 0, unblockedNmi = takeNmiUnblocked() && !within;
  if (!injected && intercepted(vector, type, code)) {
    const qualification = vector == PF ? load<u64>(FAULT_ADDRESS) : vector == DB ? load<u64>(FAULT_DEBUG) : 0;
    const unblocking = unblockedNmi ? InterruptionBit.NmiUnblockingDueToIret : 0;
    vmExitEvent(eventInformation(vector, type, hasCode) | unblocking, code, qualification, length, within);
    return;
  }
  if (!within) chainBegins();
  else if (type == InterruptionType.HardwareException) chainRaised(eventInformation(vector, type, hasCode), code);
  if (vector == PF && type == InterruptionType.HardwareException && !injected) store<u64>(CR2, load<u64>(FAULT_ADDRESS));
  if (within && type == InterruptionType.HardwareException) {
    const first = eventVector(load<u32>(DELIVERY)), firstType = eventType(load<u32>(DELIVERY));
    if (firstType == InterruptionType.HardwareException) {
      if (first == DF) { tripleFault(); return; }
      if ((contributory(first) && contributory(vector)) || (first == PF && (vector == PF || contributory(vector)))) {
        chainDoubled();
        vector = DF; code = 0; hasCode = load<u32>(CR0) & Cr0.ProtectionEnable;
        if (intercepted(DF, type, 0)) { vmExitEvent(eventInformation(DF, type, hasCode), 0, 0, 0, false); return; }
      }
    }
  }
  if (vector == DB && !injected) recordDebug();
  // What MOV SS held back is lost, unless the instruction behind it asked for the event. SDM 3C "Delivery of Pending Debug Exceptions
  // after VM Entry" has the processor's rule.
  if (type != InterruptionType.SoftwareInterrupt && type != InterruptionType.SoftwareException) store<u64>(DEBUG_TRAPS, 0);
  store<u32>(DELIVERY, eventInformation(vector, type, hasCode));
  store<u32>(DELIVERY_CODE, code);
  store<u32>(DELIVERY_LENGTH, length);
  leaveShadows(type == InterruptionType.NonMaskableInterrupt);
  deliver(vector, type, hasCode != 0, code, length);
  store<u32>(DELIVERY, 0);
  store<i32>(BUDGET, load<i32>(BUDGET) - 1);
  noteDelivered();
  // MTF is pending before the handler's first instruction
  if (primary(PrimaryControl.MonitorTrapFlag)) store<u32>(VMX_MTF_PENDING, 1);
  updateAttention();
}
/**
 * What an event changes before its delivery can fault or leave: the processor is active, no shadow of STI or MOV SS is left,
 * and an NMI blocks NMIs. SDM 3C "Architectural State Before a VM Exit".
 */
function leaveShadows(nmi: bool): void {
  if (isWaiting()) leaveWait(); else store<u32>(ACTIVITY, ActivityState.Active);
  store<u32>(INTERRUPTIBILITY, (load<u32>(INTERRUPTIBILITY) & ~SHADOWS) | (nmi ? InterruptibilityState.BlockingByNmi : 0));
}
@inline const BREAKPOINTS_MET: u64 = Dr6.B0 | Dr6.B1 | Dr6.B2 | Dr6.B3;
/** DR6 and DR7 as a debug exception leaves them. SDM 3B "Debug Status Register (DR6)". */
function recordDebug(): void {
  const type = load<u32>(FAULT_TYPE);
  if (type != InterruptionType.HardwareException && type != InterruptionType.PrivilegedSoftwareException) return;
  if (load<u64>(FAULT_DEBUG) != 0) store<u64>(DR6, (load<u64>(DR6) & ~BREAKPOINTS_MET) | load<u64>(FAULT_DEBUG));
  store<u64>(DR7, load<u64>(DR7) & ~Dr7.GeneralDetect);
  store<u64>(DEBUGCTL, load<u64>(DEBUGCTL) & ~(Debugctl.Lbr | Debugctl.Btf));
}

/** VM entry's event injection: the event is delivered when the core runs next. SDM 3C "Event Injection". */
export function injectEvent(information: u32, code: u32, length: u32): void {
  const type = eventType(information);
  if (type == InterruptionType.OtherEvent) { store<u32>(VMX_MTF_PENDING, 1); updateAttention(); return; }
  setEvent(eventVector(information), type, (information & InterruptionBit.ErrorCode) != 0, code, length);
  store<u32>(FAULT_INJECTED, 1);
  // an injected #DB says nothing of DR6
  store<u64>(FAULT_DEBUG, 0);
}

/** INT n, INT3, INTO, INT1: delivers at once; RIP is afterwards the handler's. The caller continues there. */
export function softwareInterrupt(vector: u32, type: u32, length: u32): void {
  rewind();
  // INT1 takes along the data breakpoints that MOV SS held back
  if (vector == DB && type == InterruptionType.PrivilegedSoftwareException) {
    store<u64>(FAULT_DEBUG, load<u64>(DEBUG_TRAPS) & ~<u64>PendingDebugExceptions.EnabledBreakpoint);
    store<u64>(DEBUG_TRAPS, 0);
  }
  setEvent(vector, type, false, 0, length);
  deliverPending();
}

// ---- delivery ---------------------------------------------------------------------------------------------------------------

/**
 * RFLAGS as pushed: RF is 1 for faults and between iterations, so that the instruction does not meet its breakpoint again. SDM 3B
 * "Instruction-Breakpoint Exception Condition".
 */
function flagsToPush(vector: u32, type: u32): u64 {
  const flags = load<u64>(RFLAGS_SYSTEM) | <u64>arithmeticFlags() | repetitionFlag();
  // #DB is a trap, or the fault of an instruction breakpoint, which leaves RF as it is; only general detect is a fault like others
  const isFault = vector != DB || (load<u64>(FAULT_DEBUG) & Dr6.BD) != 0;
  return type == InterruptionType.HardwareException && isFault ? flags | Rflags.ResumeFlag : flags;
}
function software(type: u32): bool {
  return type == InterruptionType.SoftwareInterrupt || type == InterruptionType.PrivilegedSoftwareException
    || type == InterruptionType.SoftwareException;
}

function deliver(vector: u32, type: u32, hasCode: bool, code: u32, length: u32): void {
  const rip = software(type) ? load<u64>(RIP) + length : load<u64>(RIP);
  const flags = flagsToPush(vector, type);
  if (!(load<u32>(CR0) & Cr0.ProtectionEnable)) deliverReal(vector, rip, <u32>flags, IDTR_BASE);
  else if (inLong()) deliverLong(vector, type, hasCode, code, rip, flags);
  else if (type == InterruptionType.SoftwareInterrupt && inVm86() && redirected(vector)) deliverReal(vector, rip, <u32>flags, 0);
  else {
    // INT n in virtual-8086 mode needs IOPL 3 unless the task redirects it. SDM 3B "Class 1-3 interrupt handling".
    if (type == InterruptionType.SoftwareInterrupt && inVm86()
      && (load<u64>(RFLAGS_SYSTEM) & Rflags.PrivilegeLevel) != Rflags.PrivilegeLevel) raiseCode(GP, 0);
    deliverProtected(vector, type, hasCode, code, <u32>rip, <u32>flags);
  }
}

/** The interrupt redirection bitmap, a bit a vector, ends where the I/O permission bitmap begins. */
@inline const REDIRECTION_BYTES: u32 = 256 / 8;
/**
 * CR4.VME: the task's interrupt redirection bitmap sends INT n of a virtual-8086 program to its own table. SDM 3B "Software Interrupt
 * Redirection".
 */
function redirected(vector: u32): bool {
  if (!(load<u32>(CR4) & Cr4.V8086ModeExtensions)) return false;
  const map = <u32>readSystem<u16>(load<u64>(TR_BASE) + Tss32.IoMapBase);
  const at = map - REDIRECTION_BYTES + (vector >> 3);
  if (map < REDIRECTION_BYTES || at > load<u32>(TR_LIMIT)) return false;
  return !((<u32>readSystem<u8>(load<u64>(TR_BASE) + at) >> (vector & 7)) & 1);
}

/** Real-address mode: a table of far pointers. `table`: word with its base, 0 = linear address 0 (virtual-8086 redirection). */
function deliverReal(vector: u32, rip: u64, flags: u32, table: usize): void {
  let at: u64 = vector * 4;
  if (table) {
    if (vector * 4 + 3 > load<u32>(IDTR_LIMIT)) raiseCode(GP, idtError(vector));
    at += load<u64>(table);
  }
  const ip = readSystem<u16>(at), cs = readSystem<u16>(at + 2);
  let pushed = flags;
  if (inVm86() && (flags & <u32>Rflags.PrivilegeLevel) != <u32>Rflags.PrivilegeLevel)
    pushed = (flags & ~<u32>Rflags.InterruptEnableFlag) | <u32>Rflags.PrivilegeLevel
      | ((flags >> <u32>VIF_ABOVE_IF) & <u32>Rflags.InterruptEnableFlag);   // IF := VIF, IOPL := 3
  const sp = reg<u64>(<u32>RSP);
  write<u16>(stackLinear(sp - 2), <u16>pushed);
  write<u16>(stackLinear(sp - 4), <u16>load<u32>(CS_SELECTOR));
  write<u16>(stackLinear(sp - 6), <u16>rip);
  setStackPointer(sp - 6);
  let system = load<u64>(RFLAGS_SYSTEM) & ~(Rflags.TrapFlag | Rflags.ResumeFlag | Rflags.AlignmentCheckAccessControl);
  if (inVm86()) {
    // a redirected interrupt of a program with IOPL below 3 clears VIF instead of IF
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
function badGate(vector: u32, fault: u32): void { raiseCode(fault, idtError(vector)); }

/** What the gate's code segment gives: its descriptor, the new CPL. */
let targetRaw: u64 = 0;
let targetCpl: u32 = 0;
/** Checks the code segment of an interrupt gate. SDM 3A "Protection of Exception- and Interrupt-Handler Procedures". */
function checkHandler(selector: u32, long: bool): void {
  if (isNull(selector)) raiseCode(GP, 0);
  const raw = fetchDescriptor(selector, GP), rights = rightsOf(raw), dpl = dplOf(rights), cpl = load<u32>(CPL);
  if (!isCodeSegment(rights) || dpl > cpl) raiseCode(GP, errorOf(selector));
  if (long && (rights & (AccessRights.L | AccessRights.Db)) != AccessRights.L) raiseCode(GP, errorOf(selector));
  if (!isPresent(rights)) raiseCode(NP, errorOf(selector));
  targetRaw = raw;
  targetCpl = isConforming(rights) ? cpl : dpl;
}
function enterHandler(selector: u32, rip: u64, interruptGate: bool): void {
  markAccessed(selector, targetRaw);
  setSegment(CS, withRpl(selector, targetCpl), targetRaw);
  store<u32>(CPL, targetCpl);
  store<u64>(RIP, rip);
  let flags = load<u64>(RFLAGS_SYSTEM) & ~(Rflags.TrapFlag | Rflags.NestedTask | Rflags.ResumeFlag | Rflags.Virtual8086Mode);
  if (interruptGate) flags &= ~Rflags.InterruptEnableFlag;
  store<u64>(RFLAGS_SYSTEM, flags);
  updateMode();
}

/** The number of an interrupt stack in the upper half of a gate, 0 for none. */
@inline const GATE_IST: u32 = 7;
/** Frames of IA-32e mode begin at a multiple of 16. */
@inline const STACK_ALIGNMENT: u64 = 15;
/** IA-32e mode: 16-byte gates, interrupt stack table, SS:RSP always pushed. SDM 3A "Exception and Interrupt Handling in 64-bit Mode". */
function deliverLong(vector: u32, type: u32, hasCode: bool, code: u32, rip: u64, flags: u64): void {
  if (vector * 16 + 15 > load<u32>(IDTR_LIMIT)) badGate(vector, GP);
  const at = load<u64>(IDTR_BASE) + vector * 16, low = readSystem<u64>(at), high = readSystem<u64>(at + 8), gate = rightsOf(low),
    kind = kindOf(gate);
  if (kind != SystemSegment.InterruptGate32 && kind != SystemSegment.TrapGate32) badGate(vector, GP);
  const cpl = load<u32>(CPL);
  if (software(type) && type != InterruptionType.PrivilegedSoftwareException && dplOf(gate) < cpl) badGate(vector, GP);
  if (!isPresent(gate)) badGate(vector, NP);
  const selector = selectorOfGate(low), target = gateOffset(low, true) | (high << 32), ist = <u32>(low >> 32) & GATE_IST;
  checkHandler(selector, true);
  const inner = targetCpl < cpl;
  let sp = reg<u64>(<u32>RSP);
  if (ist) sp = tssStack(Tss64.Ist1 + (ist - 1) * 8);
  else if (inner) sp = tssStack(Tss64.Rsp0 + targetCpl * 8);
  sp &= ~STACK_ALIGNMENT;
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
  enterHandler(selector, target, kind == SystemSegment.InterruptGate32);
}
function pushLong(at: u64, v: u64, user: bool): void { if (user) write<u64>(at, v); else writeSystem<u64>(at, v); }
/** What a descriptor of the IDT may be outside IA-32e mode. */
function isGate(kind: u32): bool {
  return kind == SystemSegment.TaskGate || kind == SystemSegment.InterruptGate16 || kind == SystemSegment.TrapGate16
    || kind == SystemSegment.InterruptGate32 || kind == SystemSegment.TrapGate32;
}
/** Protected and virtual-8086 mode: interrupt, trap and task gates of 16 and 32 bits. */
function deliverProtected(vector: u32, type: u32, hasCode: bool, code: u32, eip: u32, flags: u32): void {
  if (vector * 8 + 7 > load<u32>(IDTR_LIMIT)) badGate(vector, GP);
  const gate = readSystem<u64>(load<u64>(IDTR_BASE) + vector * 8), rights = rightsOf(gate), kind = kindOf(rights);
  if (!isGate(kind)) badGate(vector, GP);
  if (software(type) && type != InterruptionType.PrivilegedSoftwareException && dplOf(rights) < load<u32>(CPL))
    badGate(vector, GP);
  if (!isPresent(rights)) badGate(vector, NP);
  const selector = selectorOfGate(gate);
  if (kind == SystemSegment.TaskGate) { taskSwitch(selector, SOURCE_GATE, hasCode, code, eip, flags); return; }
  checkHandler(selector, false);
  const wide = (kind & SystemSegmentBit.Is32Bit) != 0, offset = <u32>gateOffset(gate, wide);
  const vm86 = inVm86();
  if (vm86 && targetCpl != 0) raiseCode(GP, errorOf(selector));
  if (targetCpl < load<u32>(CPL)) {
    innerStack(targetCpl);
    const words = (vm86 ? 9 : 5) + u32(hasCode);
    checkStackRoom(innerSsRaw, innerSp, words * (wide ? 4 : 2), errorOf(innerSs));
    frameBegin(innerSp, baseOf(innerSsRaw), rightsOf(innerSsRaw), true);
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
    setReg<u64>(<u32>RSP, rightsOf(innerSsRaw) & AccessRights.Db ? frameEnd() : (reg<u64>(<u32>RSP) & 0xffff0000) | frameEnd());
    markAccessed(innerSs, innerSsRaw);
    setSegment(SS, innerSs, innerSsRaw);
    if (vm86) { setNull(GS, 0); setNull(FS, 0); setNull(DS, 0); setNull(ES, 0); }
  } else setStackPointer(frameEnd());
  enterHandler(selector, <u64>offset, kind == SystemSegment.InterruptGate16 || kind == SystemSegment.InterruptGate32);
}
