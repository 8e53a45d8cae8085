// SPDX-License-Identifier: LGPL-2.1-only
// Hardware task switches with 16- and 32-bit TSSs: SDM 3A "Task Management". In non-root operation they are VM exits.
import { stackLinear, write } from "../memory/access";
import { replaceRflags } from "../state/flags";
import {
  RAX, RSP, CPL, CR0, CR3, CS, CS_LIMIT, DEBUG_TRAPS, DR7, DS, ES, ES_SELECTOR, FS, GS, LDTR, RIP, SS, TR, TR_BASE,
  TR_RIGHTS, TR_SELECTOR, CR4, EXIT_QUALIFICATION,
} from "../generated/layout";
import { nonRoot, updateAttention } from "../state/mode";
import { loadPdptes } from "../translation/paging";
import { probeSystem, readSystem, writeSystem } from "../memory/system_access";
import { keepRf } from "../state/shadow";
import { setStackPointer } from "./stack_frame";
import { vmExit, vmExitFault } from "../vmx/vmx";
import {
  GP, NP, SS_FAULT, TS, ExitReason, Rflags, AccessRights, Cr0, Cr4, Dr6, SegmentSelector, SegmentTypeBit,
  SystemSegment, SystemSegmentBit, TaskSwitch, TaskSwitchSource, Tss16, Tss32,
} from "../generated/architecture";
import { raiseCode } from "../events/raise";
import {
  descriptorAddress, fetchDescriptor, limitOf, markAccessed, rightsOf, setNull, setSegment, loadRealSegment,
} from "./descriptors";
import { rewind } from "../state/instruction";
import { reg, setReg } from "../state/registers";
import { updateMode } from "../tlb/mode_update";
import { addressSpaceChanged, flushTlbNonGlobal } from "../tlb/tlb";
import { BUSY, RIGHTS_BYTE, baseOf } from "../segmentation/descriptors";
import { inField } from "../state/bit_field";
import { ALL_FLAGS, LOCAL_BREAKPOINTS } from "../state/masks";
import {
  dplOf, errorOf, isCodeSegment, isConforming, isNull, isPresent, isWritableData, kindOf, rplOf,
} from "../state/rights";

/** The cause of the switch. */
@inline export const SOURCE_CALL: u32 = TaskSwitchSource.CallInstruction;
@inline export const SOURCE_IRET: u32 = TaskSwitchSource.IretInstruction;
@inline export const SOURCE_JMP: u32 = TaskSwitchSource.JmpInstruction;
@inline export const SOURCE_GATE: u32 = TaskSwitchSource.TaskGateInIdt;

// The image of the new TSS, read before anything changes.
let newCr3: u32 = 0, newEip: u32 = 0, newFlags: u32 = 0, newLdt: u32 = 0, newTrap: u32 = 0;

/** Switches to the task of a TSS selector. `resume`, `flags`: what the old task's TSS gets as EIP and EFLAGS. */
export function taskSwitch(selector: u32, source: u32, hasCode: bool, code: u32, resume: u32, flags: u32): void {
  const error = errorOf(selector), vector = source == SOURCE_IRET ? TS : GP;
  if (selector & SegmentSelector.Ti) raiseCode(vector, error);
  const raw = fetchDescriptor(selector, vector), rights = rightsOf(raw), type = kindOf(rights), busy = (type & SystemSegmentBit.Busy) != 0;
  if ((type & ~(SystemSegmentBit.Busy | SystemSegmentBit.Is32Bit)) != SystemSegment.Tss16Available
    || busy != (source == SOURCE_IRET)) raiseCode(vector, error);
  if (!isPresent(rights)) raiseCode(NP, error);
  const wide = (type & SystemSegmentBit.Is32Bit) != 0;
  if (limitOf(raw) < (wide ? Tss32.Bytes : Tss16.Bytes) - 1) raiseCode(TS, error);
  if (nonRoot()) {
    store<u64>(EXIT_QUALIFICATION, selector | inField(TaskSwitch.SourceOfTaskSwitchInit, source));
    if (source == SOURCE_GATE) vmExitFault(ExitReason.TaskSwitch); else vmExit(ExitReason.TaskSwitch, selector
      | inField(TaskSwitch.SourceOfTaskSwitchInit, source));
    return;
  }
  const base = baseOf(raw);
  saveState(resume, source == SOURCE_IRET ? flags & ~<u32>Rflags.NestedTask : flags);
  loadImage(base, wide);
  if (source == SOURCE_CALL || source == SOURCE_GATE) {
    writeSystem<u16>(base + Tss32.Link, <u16>load<u32>(TR_SELECTOR));
    newFlags |= <u32>Rflags.NestedTask;
  }
  const old = load<u32>(TR_SELECTOR);
  if (source == SOURCE_JMP || source == SOURCE_IRET) markBusy(old, false);
  if (source != SOURCE_IRET) markBusy(selector, true);
  enterTask(selector, raw | BUSY, base, wide);
  if (hasCode) {
    const sp = reg<u64>(RSP);
    if (wide) { write<u32>(stackLinear(sp - 4), code); setStackPointer(sp - 4); }
    else { write<u16>(stackLinear(sp - 2), <u16>code); setStackPointer(sp - 2); }
  }
  if (load<u64>(RIP) > <u64>load<u32>(CS_LIMIT)) raiseCode(GP, 0);
}
function markBusy(selector: u32, busy: bool): void {
  const at = descriptorAddress(selector, 8) + RIGHTS_BYTE, rights = readSystem<u8>(at);
  writeSystem<u8>(at, <u8>(busy ? rights | SystemSegmentBit.Busy : rights & ~SystemSegmentBit.Busy));
}
/** Writes the registers to the old TSS; room and rights are checked first. */
function saveState(resume: u32, flags: u32): void {
  const base = load<u64>(TR_BASE), wide = (load<u32>(TR_RIGHTS) & SystemSegmentBit.Is32Bit) != 0;
  probeSystem(base, wide ? Tss32.Ldt : Tss16.Ldt);
  if (wide) {
    writeSystem<u32>(base + Tss32.Eip, resume);
    writeSystem<u32>(base + Tss32.Eflags, flags);
    for (let i: u32 = 0; i < 8; i++) writeSystem<u32>(base + Tss32.Registers + i * 4, <u32>reg<u64>(RAX + i * 8));
    for (let i: u32 = 0; i < 6; i++) writeSystem<u16>(base + Tss32.Segments + i * 4, <u16>load<u32>(ES_SELECTOR + i * 4));
  } else {
    writeSystem<u16>(base + Tss16.Ip, <u16>resume);
    writeSystem<u16>(base + Tss16.Flags, <u16>flags);
    for (let i: u32 = 0; i < 8; i++) writeSystem<u16>(base + Tss16.Registers + i * 2, <u16>reg<u64>(RAX + i * 8));
    for (let i: u32 = 0; i < 4; i++) writeSystem<u16>(base + Tss16.Segments + i * 2, <u16>load<u32>(ES_SELECTOR + i * 4));
  }
}
/** Bits 31:16 of the registers, for which a 16-bit TSS has no room. */
@inline const UPPER_WORD: u64 = 0xffff0000;
let image: u64 = 0;
function loadImage(base: u64, wide: bool): void {
  image = base;
  probeSystem(base, wide ? Tss32.Bytes : Tss16.Bytes);
  if (wide) {
    newCr3 = readSystem<u32>(base + Tss32.Cr3);
    newEip = readSystem<u32>(base + Tss32.Eip);
    newFlags = readSystem<u32>(base + Tss32.Eflags);
    newLdt = <u32>readSystem<u16>(base + Tss32.Ldt);
    newTrap = <u32>readSystem<u16>(base + Tss32.Trap) & 1;
  } else {
    newEip = <u32>readSystem<u16>(base + Tss16.Ip);
    newFlags = <u32>readSystem<u16>(base + Tss16.Flags);
    newLdt = <u32>readSystem<u16>(base + Tss16.Ldt);
    newTrap = 0;
  }
}
function imageSelector(segment: u32, wide: bool): u32 {
  return wide ? <u32>readSystem<u16>(image + Tss32.Segments + segment * 4) : segment < 4
    ? <u32>readSystem<u16>(image + Tss16.Segments + segment * 2) : 0;
}
/** From here on faults belong to the new task. */
function enterTask(selector: u32, raw: u64, base: u64, wide: bool): void {
  let selectors: u64 = 0;
  rewind();                                                          // RIP is the new task's from here on, not the instruction's
  for (let i: u32 = 0; i < 4; i++) selectors |= <u64>imageSelector(i, wide) << (i * 16);
  const high = <u64>imageSelector(FS, wide) | (<u64>imageSelector(GS, wide) << 16);
  for (let i: u32 = 0; i < 8; i++) {
    if (wide) setReg<u32>(RAX + i * 8, readSystem<u32>(image + Tss32.Registers + i * 4));
    else setReg<u64>(RAX + i * 8, UPPER_WORD | <u64>readSystem<u16>(image + Tss16.Registers + i * 2));
    // "modified and not maintained": processors set them
  }
  setSegment(TR, selector, raw);
  if (wide && (load<u32>(CR0) & Cr0.Paging) != 0) {
    store<u64>(CR3, <u64>newCr3);
    if ((load<u32>(CR4) & Cr4.PhysicalAddressExtensions) != 0 && !loadPdptes(<u64>newCr3)) raiseCode(TS, errorOf(selector));
    flushTlbNonGlobal();
    addressSpaceChanged();
  }
  store<u32>(CR0, load<u32>(CR0) | Cr0.TaskSwitched);
  replaceRflags(<u64>newFlags, ALL_FLAGS);                              // a 16-bit TSS leaves virtual-8086 mode: its upper half is 0
  keepRf();
  store<u64>(RIP, <u64>newEip);
  store<u64>(DR7, load<u64>(DR7) & ~LOCAL_BREAKPOINTS);
  for (let i: u32 = 0; i < 6; i++) setNull(i, <u32>((i < 4 ? selectors >> (i * 16) : high >> ((i - 4) * 16)) & 0xffff));
  loadTaskLdt();
  loadTaskSegments(selectors, high);
  if (newTrap) store<u64>(DEBUG_TRAPS, load<u64>(DEBUG_TRAPS) | Dr6.BT);
  updateMode();
  updateAttention();
}
function loadTaskLdt(): void {
  setNull(LDTR, newLdt);
  if (isNull(newLdt)) return;
  if (newLdt & SegmentSelector.Ti) raiseCode(TS, errorOf(newLdt));
  const raw = fetchDescriptor(newLdt, TS), rights = rightsOf(raw);
  if (kindOf(rights) != SystemSegment.Ldt || !isPresent(rights)) raiseCode(TS, errorOf(newLdt));
  setSegment(LDTR, newLdt, raw);
}
function loadTaskSegments(selectors: u64, high: u64): void {
  if (<u64>newFlags & Rflags.Virtual8086Mode) {
    store<u32>(CPL, 3);
    updateMode();
    for (let i: u32 = 0; i < 6; i++) loadRealSegment(i, <u32>((i < 4 ? selectors >> (i * 16) : high >> ((i - 4) * 16)) & 0xffff));
    return;
  }
  const cs = <u32>(selectors >> 16) & 0xffff, ss = <u32>(selectors >> 32) & 0xffff, cpl = rplOf(cs);
  store<u32>(CPL, cpl);
  if (isNull(cs)) raiseCode(TS, 0);
  const csRaw = fetchDescriptor(cs, TS), csRights = rightsOf(csRaw), dpl = dplOf(csRights);
  if (!isCodeSegment(csRights) || (isConforming(csRights) ? dpl > cpl : dpl != cpl)) raiseCode(TS, errorOf(cs));
  if (!isPresent(csRights)) raiseCode(NP, errorOf(cs));
  markAccessed(cs, csRaw);
  setSegment(CS, cs, csRaw);
  if (isNull(ss)) raiseCode(TS, 0);
  const ssRaw = fetchDescriptor(ss, TS), ssRights = rightsOf(ssRaw);
  if (rplOf(ss) != cpl || !isWritableData(ssRights) || dplOf(ssRights) != cpl) raiseCode(TS, errorOf(ss));
  if (!isPresent(ssRights)) raiseCode(SS_FAULT, errorOf(ss));
  markAccessed(ss, ssRaw);
  setSegment(SS, ss, ssRaw);
  loadTaskData(ES, <u32>selectors & 0xffff, cpl);
  loadTaskData(DS, <u32>(selectors >> 48) & 0xffff, cpl);
  loadTaskData(FS, <u32>high & 0xffff, cpl);
  loadTaskData(GS, <u32>(high >> 16) & 0xffff, cpl);
}
function loadTaskData(segment: u32, selector: u32, cpl: u32): void {
  const code = errorOf(selector);
  if (!code) return;
  const raw = fetchDescriptor(selector, TS), rights = rightsOf(raw), dpl = dplOf(rights), isCode = (rights & SegmentTypeBit.Code) != 0;
  if (!(rights & AccessRights.S) || (isCode && !(rights & SegmentTypeBit.Readable))) raiseCode(TS, code);
  if (!(isCode && isConforming(rights)) && (rplOf(selector) > dpl || cpl > dpl)) raiseCode(TS, code);
  if (!isPresent(rights)) raiseCode(NP, code);
  markAccessed(selector, raw);
  setSegment(segment, selector, raw);
}
