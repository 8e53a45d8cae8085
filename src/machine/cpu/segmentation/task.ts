// SPDX-License-Identifier: LGPL-2.1-only
// Hardware task switches with 16- and 32-bit TSSs: SDM 3A "Task Management". In non-root operation they are VM exits.
import { stackLinear, write } from "../memory/access";
import { replaceRflags } from "../state/flags";
import {
  RAX, RSP, CPL, CR0, CR3, CS, CS_LIMIT, DEBUG_TRAPS, DR7, DS, ES, ES_SELECTOR, FS, GS, LDTR, RIP, SS, TR, TR_BASE,
  TR_RIGHTS, TR_SELECTOR, CR4, EXIT_QUALIFICATION, INTERRUPTIBILITY,
} from "../generated/layout";
import { nonRoot, updateAttention } from "../state/mode";
import { loadPdptes } from "../translation/paging";
import { probeSystem, readSystem, writeSystem } from "../memory/system_access";
import { keepRf } from "../state/shadow";
import { setStackPointer } from "./stack_frame";
import { vmExit, vmExitFault } from "../vmx/vmx";
import { GP, NP, SS_FAULT, TS, ExitReason, Rflags } from "../generated/architecture";
import { raiseCode } from "../events/raise";
import {
  descriptorAddress, fetchDescriptor, limitOf, markAccessed, rightsOf, setNull, setSegment, loadRealSegment,
} from "./descriptors";
import { rewind } from "../state/instruction";
import { reg, setReg } from "../state/registers";
import { updateMode } from "../tlb/mode_update";
import { addressSpaceChanged, flushTlbNonGlobal } from "../tlb/tlb";

/** The cause of the switch, in the numbers of the exit qualification. */
@inline export const SOURCE_CALL: u32 = 0;
@inline export const SOURCE_IRET: u32 = 1;
@inline export const SOURCE_JMP: u32 = 2;
@inline export const SOURCE_GATE: u32 = 3;

// The image of the new TSS, read before anything changes.
let newCr3: u32 = 0, newEip: u32 = 0, newFlags: u32 = 0, newLdt: u32 = 0, newTrap: u32 = 0;

/** Switches to the task of a TSS selector. `resume`, `flags`: what the old task's TSS gets as EIP and EFLAGS. */
export function taskSwitch(selector: u32, source: u32, hasCode: bool, code: u32, resume: u32, flags: u32): void {
  const error = selector & 0xfffc, vector = source == SOURCE_IRET ? TS : GP;
  if (selector & 4) raiseCode(vector, error);
  const raw = fetchDescriptor(selector, vector), rights = rightsOf(raw), type = rights & 0x1f, busy = (type & 2) != 0;
  if ((type & 0x15) != 1 || busy != (source == SOURCE_IRET)) raiseCode(vector, error);
  if (!(rights & 0x80)) raiseCode(NP, error);
  const wide = (type & 8) != 0;
  if (limitOf(raw) < <u32>(wide ? 0x67 : 0x2b)) raiseCode(TS, error);
  if (nonRoot()) {
    store<u64>(EXIT_QUALIFICATION, <u64>(selector | (source << 30)));
    if (source == SOURCE_GATE) vmExitFault(ExitReason.TaskSwitch); else vmExit(ExitReason.TaskSwitch, <u64>(selector | (source << 30)));
    return;
  }
  // IRET unblocks NMIs, whether or not it switches tasks. SDM 3A "Handling Multiple NMIs".
  if (source == SOURCE_IRET) store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~8);
  const base = ((raw >> 16) & 0xffffff) | ((raw >> 32) & 0xff000000);
  saveState(resume, source == SOURCE_IRET ? flags & ~<u32>Rflags.NestedTask : flags);
  loadImage(base, wide);
  if (source == SOURCE_CALL || source == SOURCE_GATE) {
    writeSystem<u16>(base, <u16>load<u32>(TR_SELECTOR));
    newFlags |= <u32>Rflags.NestedTask;
  }
  const old = load<u32>(TR_SELECTOR);
  if (source == SOURCE_JMP || source == SOURCE_IRET) markBusy(old, false);
  if (source != SOURCE_IRET) markBusy(selector, true);
  enterTask(selector, raw | 0x20000000000, base, wide);
  if (hasCode) {
    const sp = reg<u64>(RSP);
    if (wide) { write<u32>(stackLinear(sp - 4), code); setStackPointer(sp - 4); }
    else { write<u16>(stackLinear(sp - 2), <u16>code); setStackPointer(sp - 2); }
  }
  if (load<u64>(RIP) > <u64>load<u32>(CS_LIMIT)) raiseCode(GP, 0);
}
function markBusy(selector: u32, busy: bool): void {
  const at = descriptorAddress(selector, 8) + 5, rights = readSystem<u8>(at);
  writeSystem<u8>(at, busy ? rights | 2 : rights & ~2);
}
/** Writes the registers to the old TSS; room and rights are checked first. */
function saveState(resume: u32, flags: u32): void {
  const base = load<u64>(TR_BASE), wide = (load<u32>(TR_RIGHTS) & 8) != 0;
  probeSystem(base, wide ? 0x60 : 0x2a);
  if (wide) {
    writeSystem<u32>(base + 0x20, resume);
    writeSystem<u32>(base + 0x24, flags);
    for (let i: u32 = 0; i < 8; i++) writeSystem<u32>(base + 0x28 + i * 4, <u32>reg<u64>(RAX + i * 8));
    for (let i: u32 = 0; i < 6; i++) writeSystem<u16>(base + 0x48 + i * 4, <u16>load<u32>(ES_SELECTOR + i * 4));
  } else {
    writeSystem<u16>(base + 0x0e, <u16>resume);
    writeSystem<u16>(base + 0x10, <u16>flags);
    for (let i: u32 = 0; i < 8; i++) writeSystem<u16>(base + 0x12 + i * 2, <u16>reg<u64>(RAX + i * 8));
    for (let i: u32 = 0; i < 4; i++) writeSystem<u16>(base + 0x22 + i * 2, <u16>load<u32>(ES_SELECTOR + i * 4));
  }
}
let image: u64 = 0;
function loadImage(base: u64, wide: bool): void {
  image = base;
  probeSystem(base, wide ? 0x68 : 0x2c);
  if (wide) {
    newCr3 = readSystem<u32>(base + 0x1c);
    newEip = readSystem<u32>(base + 0x20);
    newFlags = readSystem<u32>(base + 0x24);
    newLdt = <u32>readSystem<u16>(base + 0x60);
    newTrap = <u32>readSystem<u16>(base + 0x64) & 1;
  } else {
    newEip = <u32>readSystem<u16>(base + 0x0e);
    newFlags = <u32>readSystem<u16>(base + 0x10);
    newLdt = <u32>readSystem<u16>(base + 0x2a);
    newTrap = 0;
  }
}
function imageSelector(segment: u32, wide: bool): u32 {
  return wide ? <u32>readSystem<u16>(image + 0x48 + segment * 4) : segment < 4 ? <u32>readSystem<u16>(image + 0x22 + segment * 2) : 0;
}
/** From here on faults belong to the new task. */
function enterTask(selector: u32, raw: u64, base: u64, wide: bool): void {
  let selectors: u64 = 0;
  rewind();                                                          // RIP is the new task's from here on, not the instruction's
  for (let i: u32 = 0; i < 4; i++) selectors |= <u64>imageSelector(i, wide) << (i * 16);
  const high = <u64>imageSelector(FS, wide) | (<u64>imageSelector(GS, wide) << 16);
  for (let i: u32 = 0; i < 8; i++) {
    if (wide) setReg<u32>(RAX + i * 8, readSystem<u32>(image + 0x28 + i * 4));
    else setReg<u64>(RAX + i * 8, 0xffff0000 | <u64>readSystem<u16>(image + 0x12 + i * 2));
    // "modified and not maintained": processors set them
  }
  setSegment(TR, selector, raw);
  if (wide && (load<u32>(CR0) & 0x80000000) != 0) {
    store<u64>(CR3, <u64>newCr3);
    if ((load<u32>(CR4) & 0x20) != 0 && !loadPdptes(<u64>newCr3)) raiseCode(TS, selector & 0xfffc);
    flushTlbNonGlobal();
    addressSpaceChanged();
  }
  store<u32>(CR0, load<u32>(CR0) | 8);
  replaceRflags(<u64>newFlags, 0x3f7fd5);                              // a 16-bit TSS leaves virtual-8086 mode: its upper half is 0
  keepRf();
  store<u64>(RIP, <u64>newEip);
  store<u64>(DR7, load<u64>(DR7) & ~(<u64>0x155));
  for (let i: u32 = 0; i < 6; i++) setNull(i, <u32>((i < 4 ? selectors >> (i * 16) : high >> ((i - 4) * 16)) & 0xffff));
  loadTaskLdt();
  loadTaskSegments(selectors, high);
  if (newTrap) store<u64>(DEBUG_TRAPS, load<u64>(DEBUG_TRAPS) | 0x8000);
  updateMode();
  updateAttention();
}
function loadTaskLdt(): void {
  setNull(LDTR, newLdt);
  if (!(newLdt & 0xfffc)) return;
  if (newLdt & 4) raiseCode(TS, newLdt & 0xfffc);
  const raw = fetchDescriptor(newLdt, TS), rights = rightsOf(raw);
  if ((rights & 0x1f) != 2 || !(rights & 0x80)) raiseCode(TS, newLdt & 0xfffc);
  setSegment(LDTR, newLdt, raw);
}
function loadTaskSegments(selectors: u64, high: u64): void {
  if (<u64>newFlags & Rflags.Virtual8086Mode) {
    store<u32>(CPL, 3);
    updateMode();
    for (let i: u32 = 0; i < 6; i++) loadRealSegment(i, <u32>((i < 4 ? selectors >> (i * 16) : high >> ((i - 4) * 16)) & 0xffff));
    return;
  }
  const cs = <u32>(selectors >> 16) & 0xffff, ss = <u32>(selectors >> 32) & 0xffff, cpl = cs & 3;
  store<u32>(CPL, cpl);
  if (!(cs & 0xfffc)) raiseCode(TS, 0);
  const csRaw = fetchDescriptor(cs, TS), csRights = rightsOf(csRaw), dpl = (csRights >> 5) & 3;
  if ((csRights & 0x18) != 0x18 || (csRights & 4 ? dpl > cpl : dpl != cpl)) raiseCode(TS, cs & 0xfffc);
  if (!(csRights & 0x80)) raiseCode(NP, cs & 0xfffc);
  markAccessed(cs, csRaw);
  setSegment(CS, cs, csRaw);
  if (!(ss & 0xfffc)) raiseCode(TS, 0);
  const ssRaw = fetchDescriptor(ss, TS), ssRights = rightsOf(ssRaw);
  if ((ss & 3) != cpl || (ssRights & 0x1a) != 0x12 || ((ssRights >> 5) & 3) != cpl) raiseCode(TS, ss & 0xfffc);
  if (!(ssRights & 0x80)) raiseCode(SS_FAULT, ss & 0xfffc);
  markAccessed(ss, ssRaw);
  setSegment(SS, ss, ssRaw);
  loadTaskData(ES, <u32>selectors & 0xffff, cpl);
  loadTaskData(DS, <u32>(selectors >> 48) & 0xffff, cpl);
  loadTaskData(FS, <u32>high & 0xffff, cpl);
  loadTaskData(GS, <u32>(high >> 16) & 0xffff, cpl);
}
function loadTaskData(segment: u32, selector: u32, cpl: u32): void {
  const code = selector & 0xfffc;
  if (!code) return;
  const raw = fetchDescriptor(selector, TS), rights = rightsOf(raw), dpl = (rights >> 5) & 3, isCode = (rights & 8) != 0;
  if (!(rights & 0x10) || (isCode && !(rights & 2))) raiseCode(TS, code);
  if (!(isCode && (rights & 4) != 0) && ((selector & 3) > dpl || cpl > dpl)) raiseCode(TS, code);
  if (!(rights & 0x80)) raiseCode(NP, code);
  markAccessed(selector, raw);
  setSegment(segment, selector, raw);
}
