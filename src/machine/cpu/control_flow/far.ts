// SPDX-License-Identifier: LGPL-2.1-only
// Far transfers, software interrupts and IRET in all modes: SDM 2A "CALL", "IRET/IRETD/IRETQ", "JMP", "INT n"; 2B "RET". T is the operand
// size.
// Everything that can fault comes before the first change of a register.
import { read, stackLinear, write } from "../memory/access";
import { partAddress } from "../memory/operand_part";
import { OF, replaceRflags, rflags } from "../state/flags";
import {
  RSP, CPL, CS, CS_LIMIT, CS_SELECTOR, DS, ES, ES_RIGHTS, ES_SELECTOR, FS, GS, RFLAGS_SYSTEM, RIP, SS, SS_SELECTOR,
  STOP, STOP_INCOMPLETE, TR_BASE, CR4,
} from "../generated/layout";
import { in64, inLong, inProtected, inVm86, updateAttention } from "../state/mode";
import { canonical } from "../translation/paging";
import { readSystem, writeSystem } from "../memory/system_access";
import { takeNmiUnblocked, unblockNmi } from "../state/nmi_blocking";
import { keepRf } from "../state/shadow";
import { frameBegin, frameEnd, framePush, setStackPointer } from "../segmentation/stack_frame";
import {
  BP, DB, GP, NP, OF_VECTOR, SS_FAULT, TS, AccessRights, Rflags, InterruptionType, Cr4, SegmentSelector,
  SystemSegment, SystemSegmentBit, Tss32, Tss64,
} from "../generated/architecture";
import { softwareInterrupt } from "../delivery/interrupt";
import { raiseCode } from "../events/raise";
import {
  baseOf, checkStackRoom, fetchDescriptor, fetchUpper, limitOf, loadRealSegment, markAccessed, rightsOf, setNull,
  setSegment, UPPER_KIND, gateOffset, selectorOfGate,
} from "../segmentation/descriptors";
import { innerSp, innerSs, innerSsRaw, innerStack, tssStack } from "../segmentation/task_stack";
import { SOURCE_CALL, SOURCE_IRET, SOURCE_JMP, taskSwitch } from "../segmentation/task";
import { currentRip, jump, nextRip, instructionLength } from "../state/instruction";
import { Mem, reg, setReg } from "../state/registers";
import { updateMode } from "../tlb/mode_update";
import { fieldOf } from "../state/bit_field";
import { ALL_FLAGS, USER_FLAGS, VIF_ABOVE_IF, VIRTUAL_INTERRUPT_FLAGS, WIDE_FLAGS } from "../state/masks";
import {
  dplOf, errorOf, hasBothSizes, isCodeSegment, isConforming, isConformingCode, isNull, isPresent, isWritableData,
  rplOf, withRpl,
} from "../state/rights";

// ---- stack helpers -----------------------------------------------------------------------------------------------------------------

/** The operand `n` operands above the stack pointer. */
@inline function above<T>(n: u64): u64 { return <u64>read<T>(stackLinear(reg<u64>(RSP) + n * sizeof<T>())); }
/**
 * The selector above the offset of a far return: of 32 bits the lower word is read alone, as Intel's processors do (test/differential).
 * The SDM says that the upper word is popped, and discarded.
 */
@inline function selectorAbove<T>(): u32 {
  if (sizeof<T>() == 4) return read<u16>(stackLinear(reg<u64>(RSP) + sizeof<T>()));
  return <u32>above<T>(1) & 0xffff;
}
/** A value at a byte offset above the stack pointer. */
@inline function aboveBytes<T>(offset: u64): u64 { return <u64>read<T>(stackLinear(reg<u64>(RSP) + offset)); }

// ---- code segments ------------------------------------------------------------------------------------------------------------------

/** True if the descriptor makes a 64-bit code segment (in IA-32e mode). */
function isLongCode(raw: u64): bool { return inLong() && (rightsOf(raw) & AccessRights.L) != 0; }
/** #GP(0) for a target outside the segment; L with D is #GP(selector). */
function checkOffset(raw: u64, offset: u64): void {
  if (isLongCode(raw)) { if (!canonical(offset)) raiseCode(GP, 0); }
  else if (offset > <u64>limitOf(raw)) raiseCode(GP, 0);
}
/** Checks a code segment named directly by JMP or CALL. */
function checkDirect(selector: u32, raw: u64): void {
  const rights = rightsOf(raw), dpl = dplOf(rights), cpl = load<u32>(CPL), code = errorOf(selector);
  if (inLong() && hasBothSizes(rights)) raiseCode(GP, code);
  if (isConforming(rights)) { if (dpl > cpl) raiseCode(GP, code); }
  else if (rplOf(selector) > cpl || dpl != cpl) raiseCode(GP, code);
  if (!isPresent(rights)) raiseCode(NP, code);
}
/** Enters a code segment at a privilege level and goes on at `offset`. */
function enterCode(selector: u32, raw: u64, cpl: u32, offset: u64): void {
  markAccessed(selector, raw);
  setSegment(CS, withRpl(selector, cpl), raw);
  store<u32>(CPL, cpl);
  updateMode();
  jump(offset);
}
function enterReal(selector: u32, offset: u64): void {
  loadRealSegment(CS, selector);
  updateMode();
  jump(offset);
}

// ---- JMP and CALL --------------------------------------------------------------------------------------------------------------------

/** JMP ptr16:16/32. */
export function JMP_FAR<T>(selector: u32, offset: u64): void { transfer<T>(selector, <u64><T>offset, false, nextRip); }
/** JMP m16:16/32/64. */
export function JMP_FAR_MEMORY<T>(ea: Mem): void {
  const offset = <u64>read<T>(ea), selector = <u32>read<u16>(partAddress(ea, sizeof<T>()));
  transfer<T>(selector, offset, false, nextRip);
}
/** CALL ptr16:16/32. */
export function CALL_FAR<T>(selector: u32, offset: u64, next: u64): void { transfer<T>(selector, <u64><T>offset, true, next); }
/** CALL m16:16/32/64. */
export function CALL_FAR_MEMORY<T>(ea: Mem, next: u64): void {
  const offset = <u64>read<T>(ea), selector = <u32>read<u16>(partAddress(ea, sizeof<T>()));
  transfer<T>(selector, offset, true, next);
}

/** Pushes CS and the return address; nothing changes if that faults. */
function pushReturn<T>(next: u64): void {
  const sp = reg<u64>(RSP);
  write<T>(stackLinear(sp - sizeof<T>()), <T>load<u32>(CS_SELECTOR));
  write<T>(stackLinear(sp - 2 * sizeof<T>()), <T>next);
}
function transfer<T>(selector: u32, offset: u64, call: bool, next: u64): void {
  if (!inProtected()) {
    if (offset > <u64>load<u32>(CS_LIMIT)) raiseCode(GP, 0);
    if (call) { pushReturn<T>(next); setStackPointer(reg<u64>(RSP) - 2 * sizeof<T>()); }
    enterReal(selector, offset);
    return;
  }
  if (isNull(selector)) raiseCode(GP, 0);
  const raw = fetchDescriptor(selector, GP), rights = rightsOf(raw);
  if (isCodeSegment(rights)) {
    checkDirect(selector, raw);
    // A call from 64-bit mode into compatibility mode must fit its 32-bit offset; the return address is pushed with the operand size.
    checkOffset(raw, offset);
    if (call) { pushReturn<T>(next); setStackPointer(reg<u64>(RSP) - 2 * sizeof<T>()); }
    enterCode(selector, raw, load<u32>(CPL), offset);
    return;
  }
  if (rights & AccessRights.S) raiseCode(GP, errorOf(selector));
  systemTransfer(selector, raw, call, next);
}
/** Gates and TSSs. */
function systemTransfer(selector: u32, raw: u64, call: bool, next: u64): void {
  const rights = rightsOf(raw), type = rights & AccessRights.Type, dpl = dplOf(rights), code = errorOf(selector);
  if (dpl < load<u32>(CPL) || dpl < rplOf(selector)) raiseCode(GP, code);
  if (inLong()) {
    if (type != SystemSegment.CallGate32) raiseCode(GP, code);
    if (!isPresent(rights)) raiseCode(NP, code);
    longGate(selector, raw, call, next);
    return;
  }
  if (type == SystemSegment.CallGate16 || type == SystemSegment.CallGate32) {
    if (!isPresent(rights)) raiseCode(NP, code);
    callGate(raw, call, <u32>next);
  } else if (type == SystemSegment.TaskGate) {
    if (!isPresent(rights)) raiseCode(NP, code);
    switchTask(selectorOfGate(raw), call ? SOURCE_CALL : SOURCE_JMP, next);
  } else if (type == SystemSegment.Tss16Available || type == SystemSegment.Tss32Available) {
    if (!isPresent(rights)) raiseCode(NP, code);
    switchTask(selector, call ? SOURCE_CALL : SOURCE_JMP, next);
  } else raiseCode(GP, code);
}
/** Goes on in the new task; a VM exit leaves RIP at the instruction. */
function switchTask(selector: u32, source: u32, next: u64): void {
  const rip = currentRip();
  taskSwitch(selector, source, false, 0, <u32>next, <u32>rflags());
  if (load<u32>(STOP) >= STOP_INCOMPLETE) store<u64>(RIP, rip);
  else jump(load<u64>(RIP));
}
/** The code segment of a call gate. @returns the new CPL. */
function checkGateTarget(selector: u32, raw: u64, call: bool): u32 {
  const rights = rightsOf(raw), dpl = dplOf(rights), cpl = load<u32>(CPL), code = errorOf(selector);
  if (!isCodeSegment(rights) || dpl > cpl) raiseCode(GP, code);
  if (inLong() && (rights & (AccessRights.L | AccessRights.Db)) != AccessRights.L) raiseCode(GP, code);
  if (!call && !isConforming(rights) && dpl != cpl) raiseCode(GP, code);
  if (!isPresent(rights)) raiseCode(NP, code);
  return isConforming(rights) ? cpl : dpl;
}
/** 64-bit call gate: no parameters, SS null on a change of privilege. */
function longGate(gateSelector: u32, gate: u64, call: bool, next: u64): void {
  const high = fetchUpper(gateSelector, GP);
  if (high & UPPER_KIND) raiseCode(GP, errorOf(gateSelector));
  const selector = selectorOfGate(gate), offset = gateOffset(gate, true) | (high << 32);
  if (isNull(selector)) raiseCode(GP, 0);
  const raw = fetchDescriptor(selector, GP), cpl = checkGateTarget(selector, raw, call);
  if (!canonical(offset)) raiseCode(GP, 0);
  if (call) {
    if (cpl < load<u32>(CPL)) {
      const sp = tssStack(Tss64.Rsp0 + cpl * 8);
      if (!canonical(sp) || !canonical(sp - 32)) raiseCode(SS_FAULT, 0);
      writeSystem<u64>(sp - 8, <u64>load<u32>(SS_SELECTOR));
      writeSystem<u64>(sp - 16, reg<u64>(RSP));
      writeSystem<u64>(sp - 24, <u64>load<u32>(CS_SELECTOR));
      writeSystem<u64>(sp - 32, next);
      setReg<u64>(RSP, sp - 32);
      setNull(SS, cpl);
    } else {
      const sp = reg<u64>(RSP);
      write<u64>(stackLinear(sp - 8), <u64>load<u32>(CS_SELECTOR));
      write<u64>(stackLinear(sp - 16), next);
      setReg<u64>(RSP, sp - 16);
    }
  }
  enterCode(selector, raw, cpl, offset);
}
/** The number of parameters in the upper half of a call gate. SDM 3A "Call Gates". */
@inline const GATE_PARAMETERS: u32 = 0x1f;
/** 16- and 32-bit call gates; parameters are copied on a change of privilege. SDM 3A "Accessing a Code Segment Through a Call Gate". */
function callGate(gate: u64, call: bool, next: u32): void {
  const wide = (rightsOf(gate) & SystemSegmentBit.Is32Bit) != 0, selector = selectorOfGate(gate), size: u32 = wide ? 4 : 2;
  const offset = <u32>gateOffset(gate, wide);
  if (isNull(selector)) raiseCode(GP, 0);
  const raw = fetchDescriptor(selector, GP), cpl = checkGateTarget(selector, raw, call);
  if (call && cpl < load<u32>(CPL)) {
    const parameters = <u32>(gate >> 32) & GATE_PARAMETERS;
    innerStack(cpl);
    checkStackRoom(innerSsRaw, innerSp, (4 + parameters) * size, errorOf(innerSs));
    if (offset > limitOf(raw)) raiseCode(GP, 0);
    frameBegin(innerSp, baseOf(innerSsRaw), rightsOf(innerSsRaw), true);
    framePush(load<u32>(SS_SELECTOR), wide);
    framePush(<u32>reg<u64>(RSP), wide);
    for (let i = parameters; i > 0; i--) framePush(wide ? <u32>aboveBytes<u32>((i - 1) * 4) : <u32>aboveBytes<u16>((i - 1) * 2), wide);
    framePush(load<u32>(CS_SELECTOR), wide);
    framePush(next, wide);
    markAccessed(innerSs, innerSsRaw);
    setReg<u64>(RSP, rightsOf(innerSsRaw) & AccessRights.Db ? frameEnd() : (reg<u64>(RSP) & 0xffff0000) | frameEnd());
    setSegment(SS, innerSs, innerSsRaw);
  } else {
    if (offset > limitOf(raw)) raiseCode(GP, 0);
    if (call) {
      if (wide) pushReturn<u32>(next); else pushReturn<u16>(next);
      setStackPointer(reg<u64>(RSP) - 2 * size);
    }
  }
  enterCode(selector, raw, cpl, <u64>offset);
}

// ---- returns ----------------------------------------------------------------------------------------------------------------------------

/** Checks the code segment that RET or IRET returns to. */
function checkReturn(selector: u32, raw: u64): void {
  const rights = rightsOf(raw), dpl = dplOf(rights), rpl = rplOf(selector), code = errorOf(selector);
  if (!isCodeSegment(rights)) raiseCode(GP, code);
  if (inLong() && hasBothSizes(rights)) raiseCode(GP, code);
  if (isConforming(rights) ? dpl > rpl : dpl != rpl) raiseCode(GP, code);
  if (!isPresent(rights)) raiseCode(NP, code);
}
/** Checks the stack segment of an outer level. @returns its descriptor, 0 for the null SS that 64-bit code may have. */
function checkReturnStack(selector: u32, rpl: u32, longCode: bool): u64 {
  const code = errorOf(selector);
  if (!code) {
    if (!longCode || rpl == 3 || rplOf(selector) != rpl) raiseCode(GP, 0);
    return 0;
  }
  const raw = fetchDescriptor(selector, GP), rights = rightsOf(raw);
  if (rplOf(selector) != rpl || !isWritableData(rights) || dplOf(rights) != rpl) raiseCode(GP, code);
  if (!isPresent(rights)) raiseCode(SS_FAULT, code);
  return raw;
}
/** Data segments that the outer level may not use become null. */
function dropSegment(segment: u32, cpl: u32): void {
  const rights = load<u32>(ES_RIGHTS + segment * 4);
  if ((rights & AccessRights.Unusable) != 0 || dplOf(rights) >= cpl || isConformingCode(rights)) return;
  store<u32>(ES_SELECTOR + segment * 4, 0);                          // base and limit stay: software relies on it for GS
  store<u32>(ES_RIGHTS + segment * 4, rights | AccessRights.Unusable);
}
function returnOuter(selector: u32, raw: u64, offset: u64, ss: u32, ssRaw: u64, sp: u64): void {
  const rpl = rplOf(selector);
  markAccessed(selector, raw);
  if (ssRaw) { markAccessed(ss, ssRaw); setSegment(SS, ss, ssRaw); } else setNull(SS, ss);
  setSegment(CS, selector, raw);
  store<u32>(CPL, rpl);
  dropSegment(ES, rpl);
  dropSegment(DS, rpl);
  dropSegment(FS, rpl);
  dropSegment(GS, rpl);
  updateMode();
  if (in64()) setReg<u64>(RSP, sp);
  else if (ssRaw != 0 && !(rightsOf(ssRaw) & AccessRights.Db)) setReg<u16>(RSP, <u16>sp);
  else setReg<u64>(RSP, sp & 0xffffffff);
  jump(offset);
}

/** RET far. */
export function RET_FAR<T>(): void { returnFar<T>(0); }
/** RET far imm16: releases parameters on both stacks. */
export function RET_FAR_IMM<T>(bytes: u16): void { returnFar<T>(<u64>bytes); }
function returnFar<T>(bytes: u64): void {
  const offset = above<T>(0), selector = selectorAbove<T>();
  if (!inProtected()) {
    if (offset > <u64>load<u32>(CS_LIMIT)) raiseCode(GP, 0);
    setStackPointer(reg<u64>(RSP) + 2 * sizeof<T>() + bytes);
    enterReal(selector, offset);
    return;
  }
  if (isNull(selector)) raiseCode(GP, 0);
  const raw = fetchDescriptor(selector, GP), rpl = rplOf(selector), cpl = load<u32>(CPL);
  if (rpl < cpl) raiseCode(GP, errorOf(selector));
  checkReturn(selector, raw);
  if (rpl == cpl) {
    checkOffset(raw, offset);
    setStackPointer(reg<u64>(RSP) + 2 * sizeof<T>() + bytes);
    enterCode(selector, raw, cpl, offset);
    return;
  }
  const at = 2 * sizeof<T>() + bytes, sp = aboveBytes<T>(at), ss = <u32>aboveBytes<T>(at + sizeof<T>()) & 0xffff;
  const ssRaw = checkReturnStack(ss, rpl, isLongCode(raw));
  checkOffset(raw, offset);
  returnOuter(selector, raw, offset, ss, ssRaw, sp + bytes);
}

/** Bits of RFLAGS that IRET may write at this CPL, for the operand size. */
function returnMask<T>(cpl: u32): u64 {
  let mask = USER_FLAGS;
  if (sizeof<T>() > 2) mask |= WIDE_FLAGS;
  if (cpl <= fieldOf(<u32>Rflags.PrivilegeLevel, load<u32>(RFLAGS_SYSTEM))) mask |= Rflags.InterruptEnableFlag;
  if (cpl == 0) {
    mask |= Rflags.PrivilegeLevel;
    if (sizeof<T>() > 2) mask |= VIRTUAL_INTERRUPT_FLAGS;
  }
  return mask;
}
function returnFlags(flags: u64, mask: u64): void {
  replaceRflags(flags, mask);
  keepRf();
}

/** IRET, IRETD, IRETQ. */
export function IRET<T>(): void {
  unblockNmi();
  if (!inProtected()) { if (inVm86()) returnVm86<T>(); else returnReal<T>(); }
  else returnProtected<T>();
  takeNmiUnblocked();
  updateMode();
  updateAttention();
}
function returnReal<T>(): void {
  const ip = above<T>(0), cs = <u32>above<T>(1) & 0xffff, flags = above<T>(2);
  if (ip > <u64>load<u32>(CS_LIMIT)) raiseCode(GP, 0);
  setStackPointer(reg<u64>(RSP) + 3 * sizeof<T>());
  returnFlags(flags, USER_FLAGS | Rflags.InterruptEnableFlag | Rflags.PrivilegeLevel | (sizeof<T>() == 2 ? 0 : WIDE_FLAGS));
  enterReal(cs, ip);
}
function returnVm86<T>(): void {
  const iopl = fieldOf(<u32>Rflags.PrivilegeLevel, load<u32>(RFLAGS_SYSTEM)), virtual = iopl < 3;
  if (virtual && (sizeof<T>() != 2 || !(load<u32>(CR4) & Cr4.V8086ModeExtensions))) raiseCode(GP, 0);
  const ip = above<T>(0), cs = <u32>above<T>(1) & 0xffff, flags = above<T>(2);
  if (ip > 0xffff) raiseCode(GP, 0);
  const pending = (load<u64>(RFLAGS_SYSTEM) & Rflags.VirtualInterruptPending) != 0;
  if (virtual && ((flags & Rflags.TrapFlag) != 0 || ((flags & Rflags.InterruptEnableFlag) != 0 && pending))) raiseCode(GP, 0);
  setStackPointer(reg<u64>(RSP) + 3 * sizeof<T>());
  if (virtual)
    returnFlags((flags & ~Rflags.VirtualInterruptFlag) | ((flags & Rflags.InterruptEnableFlag) << VIF_ABOVE_IF),
      USER_FLAGS | Rflags.VirtualInterruptFlag);
  else returnFlags(flags, USER_FLAGS | Rflags.InterruptEnableFlag | (sizeof<T>() == 2 ? 0 : WIDE_FLAGS));
  enterReal(cs, ip);
}
function returnProtected<T>(): void {
  const cpl = load<u32>(CPL), long = inLong();
  if (load<u64>(RFLAGS_SYSTEM) & Rflags.NestedTask) {
    if (long) raiseCode(GP, 0);
    returnTask();
    return;
  }
  const offset = above<T>(0), selector = <u32>above<T>(1) & 0xffff, flags = above<T>(2), rpl = rplOf(selector);
  if (sizeof<T>() == 4 && !long && (flags & Rflags.Virtual8086Mode) != 0 && cpl == 0) { enterVm86(offset, selector, flags); return; }
  if (isNull(selector)) raiseCode(GP, 0);
  const raw = fetchDescriptor(selector, GP), mask = returnMask<T>(cpl);
  if (rpl < cpl) raiseCode(GP, errorOf(selector));
  checkReturn(selector, raw);
  if (rpl == cpl && !in64()) {
    checkOffset(raw, offset);
    setStackPointer(reg<u64>(RSP) + 3 * sizeof<T>());
      returnFlags(flags, mask);
    enterCode(selector, raw, cpl, offset);
    return;
  }
  const sp = above<T>(3), ss = <u32>above<T>(4) & 0xffff, ssRaw = checkReturnStack(ss, rpl, isLongCode(raw));
  checkOffset(raw, offset);
  returnFlags(flags, mask);
  returnOuter(selector, raw, offset, ss, ssRaw, sp);
}
/** Return to virtual-8086 mode. SDM 3B "Entering Virtual-8086 Mode". */
function enterVm86(ip: u64, cs: u32, flags: u64): void {
  const sp = above<u32>(3), ss = <u32>above<u32>(4) & 0xffff, es = <u32>above<u32>(5) & 0xffff, ds = <u32>above<u32>(6) & 0xffff;
  const fs = <u32>above<u32>(7) & 0xffff, gs = <u32>above<u32>(8) & 0xffff;
  if (ip > 0xffff) raiseCode(GP, 0);                                  // the limit of a virtual-8086 code segment
  returnFlags(flags, ALL_FLAGS);
  store<u32>(CPL, 3);
  updateMode();
  loadRealSegment(CS, cs);
  loadRealSegment(SS, ss);
  loadRealSegment(ES, es);
  loadRealSegment(DS, ds);
  loadRealSegment(FS, fs);
  loadRealSegment(GS, gs);
  setReg<u64>(RSP, sp);
  jump(ip);
}
/** IRET with NT: back to the task that the TSS links to. */
function returnTask(): void {
  const link = <u32>readSystem<u16>(load<u64>(TR_BASE) + Tss32.Link);
  if (link & SegmentSelector.Ti) raiseCode(TS, errorOf(link));
  switchTask(link, SOURCE_IRET, nextRip);
}

// ---- software interrupts --------------------

function interrupt(vector: u32, type: u32): void {
  softwareInterrupt(vector, type, instructionLength());
  jump(load<u64>(RIP));
}
/** INT imm8. */
export function INT(vector: u32): void { interrupt(vector, InterruptionType.SoftwareInterrupt); }
/** INT3: never redirected in virtual-8086 mode, not IOPL-sensitive. */
export function INT3(): void { interrupt(BP, InterruptionType.SoftwareException); }
/** INTO: #OF if OF is set. */
export function INTO(): void { if (OF()) interrupt(OF_VECTOR, InterruptionType.SoftwareException); }
/** INT1 (ICEBP). */
export function INT1(): void { interrupt(DB, InterruptionType.PrivilegedSoftwareException); }
