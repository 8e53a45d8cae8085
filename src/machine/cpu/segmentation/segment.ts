// SPDX-License-Identifier: LGPL-2.1-only
// The instructions that load, store and test segment registers and descriptors: SDM 3A "Segmentation", "Segment-Level Protection".
import {
  CPL, CS, DS, ES, ES_BASE, ES_SELECTOR, FS, GDTR_BASE, GDTR_LIMIT, GS, IDTR_BASE, IDTR_LIMIT, LDTR, LDTR_SELECTOR,
  SS, TR, TR_SELECTOR, CR4, FS_BASE, GS_BASE, KERNEL_GS_BASE,
} from "../generated/layout";
import { open, read, set, value, write } from "../memory/access";
import { partAddress, probeParts } from "../memory/operand_part";
import { arithmeticFlags, setArithmeticFlags } from "../state/flags";
import { in64, inLong, inProtected } from "../state/mode";
import { canonical } from "../translation/paging";
import { readSystem, writeSystem } from "../memory/system_access";
import { secondary, vmExitInformation } from "../vmx/vmx";
import { operandInformation, operandSize, secondOperand, operandDisplacement } from "../decode/instruction_information";
import { shadowMovSs } from "../state/shadow";
import {
  GP, NP, SS_FAULT, UD, SecondaryControl, ExitReason, AccessRights, Cr4, DescriptorTableInstruction, Rflags, SegmentSelector,
  Msr, SegmentTypeBit, SystemSegment, SystemSegmentBit, SystemSegmentInstruction,
} from "../generated/architecture";
import { raise, raiseCode } from "../events/raise";
import {
  baseOf, descriptorAddress, fetchDescriptor, fetchUpper, limitOf, loadRealSegment, markAccessed, rightsOf, setNull,
  setSegment,
} from "./descriptors";
import { Mem, Reg, reg, setReg } from "../state/registers";
import { updateMode } from "../tlb/mode_update";
import { supervisorOnly } from "../events/privilege";
import { BUSY, LAR_BITS, RIGHTS_BYTE, UPPER_KIND } from "../segmentation/descriptors";
import {
  dplOf, errorOf, isConforming, isConformingCode, isNull, isPresent, isReadable, isWritableData, kindOf, rplOf,
  withRpl,
} from "../state/rights";
import { storeBase, storeMsr } from "../state/watched_msr";

// ---- loading segment registers --------------------------------------------------------------------------------------------------

function loadStackSegment(selector: u32): void {
  const cpl = load<u32>(CPL), code = errorOf(selector);
  if (!code) {
    if (!in64() || cpl == 3 || rplOf(selector) != cpl) raiseCode(GP, 0);
    setNull(SS, selector);
    return;
  }
  const raw = fetchDescriptor(selector, GP), rights = rightsOf(raw);
  if (rplOf(selector) != cpl || !isWritableData(rights) || dplOf(rights) != cpl) raiseCode(GP, code);
  if (!isPresent(rights)) raiseCode(SS_FAULT, code);
  markAccessed(selector, raw);
  setSegment(SS, selector, raw);
}
function loadDataSegment(segment: u32, selector: u32): void {
  const code = errorOf(selector);
  if (!code) { setNull(segment, selector); return; }
  const raw = fetchDescriptor(selector, GP), rights = rightsOf(raw), dpl = dplOf(rights);
  const isCode = (rights & SegmentTypeBit.Code) != 0;
  if (!(rights & AccessRights.S) || (isCode && !(rights & SegmentTypeBit.Readable))) raiseCode(GP, code);
  if (!(isCode && isConforming(rights)) && (rplOf(selector) > dpl || load<u32>(CPL) > dpl)) raiseCode(GP, code);
  if (!isPresent(rights)) raiseCode(NP, code);
  markAccessed(selector, raw);
  setSegment(segment, selector, raw);
}
/** Loads ES, SS, DS, FS or GS with all checks. SDM 2B "MOV—Move" (operation of loading a segment register). */
export function loadSegment(segment: u32, selector: u32): void {
  if (!inProtected()) loadRealSegment(segment, selector);
  else if (segment == SS) loadStackSegment(selector);
  else loadDataSegment(segment, selector);
  if (!in64() || segment == SS) updateMode();
}

/** MOV Sreg, r/m16. A load of SS inhibits interrupts and debug traps until after the next instruction. */
export function MOV_SEG<D>(number: u32, d: D): void {
  if (number == CS) raise(UD);
  loadSegment(number, <u32>value<u16, D>(d));
  if (number == SS) shadowMovSs();
}
/** MOV r/m, Sreg: a register takes it zero-extended to the operand size, memory always 16 bits. */
export function MOV_FROM_SEG<T, D>(d: D, number: u32): void {
  const selector = load<u32>(ES_SELECTOR + number * 4);
  if (sizeof<D>() == 4) setReg<T>(<Reg>d, <T>selector); else write<u16>(<Mem>d, <u16>selector);
}
function loadFar<T>(segment: u32, d: Reg, ea: Mem): void {
  const offset = read<T>(ea), selector = <u32>read<u16>(partAddress(ea, sizeof<T>()));
  loadSegment(segment, selector);
  setReg<T>(d, offset);
}
/** LDS, LES, LFS, LGS, LSS: far pointer from memory. SDM 2A "LDS/LES/LFS/LGS/LSS—Load Far Pointer". */
export function LES<T>(d: Reg, ea: Mem): void { loadFar<T>(ES, d, ea); }
export function LDS<T>(d: Reg, ea: Mem): void { loadFar<T>(DS, d, ea); }
export function LSS<T>(d: Reg, ea: Mem): void { loadFar<T>(SS, d, ea); }
export function LFS<T>(d: Reg, ea: Mem): void { loadFar<T>(FS, d, ea); }
export function LGS<T>(d: Reg, ea: Mem): void { loadFar<T>(GS, d, ea); }

// ---- table registers ------------------------------------------------------------------------------------------------------------

/** CR4.UMIP: SGDT, SIDT, SLDT, SMSW, STR are #GP(0) outside CPL 0. */
export function checkUmip(): void {
  if (load<u32>(CPL) != 0 && (load<u32>(CR4) & Cr4.UserModeInstructionPrevention) != 0) raiseCode(GP, 0);
}
/** Descriptor-table exiting: true if the instruction leaves. `identity`: DescriptorTableInstruction.*. */
function tableLeaves<T>(identity: u32, ea: Mem): bool {
  if (!secondary(SecondaryControl.DescriptorTableExiting)) return false;
  const information = operandInformation<Mem>(ea) | operandSize<T>() | secondOperand(identity);
  vmExitInformation(ExitReason.AccessToGdtrOrIdtr, operandDisplacement<Mem>(), information);
  return true;
}
/** The same for SystemSegmentInstruction.*. */
function selectorLeaves<D>(identity: u32, d: D): bool {
  if (!secondary(SecondaryControl.DescriptorTableExiting)) return false;
  vmExitInformation(ExitReason.AccessToLdtrOrTr, operandDisplacement<D>(), operandInformation<D>(d) | secondOperand(identity));
  return true;
}
function storeTable(ea: Mem, base: u64, limit: u32): void {
  const bytes: u32 = in64() ? 8 : 4;
  probeParts(ea, bytes + 2, 2, 4, 1);
  write<u16>(ea, <u16>limit);
  // by words: the operand as a whole is aligned to 4 bytes, its base is not
  for (let n: u32 = 0; n < bytes; n += 2) write<u16>(partAddress(ea, 2 + n), <u16>(base >> (n * 8)));
}
/** SGDT m. */
export function SGDT<T>(ea: Mem): void {
  checkUmip();
  if (!tableLeaves<T>(DescriptorTableInstruction.Sgdt, ea)) storeTable(ea, load<u64>(GDTR_BASE), load<u32>(GDTR_LIMIT));
}
/** SIDT m. */
export function SIDT<T>(ea: Mem): void {
  checkUmip();
  if (!tableLeaves<T>(DescriptorTableInstruction.Sidt, ea)) storeTable(ea, load<u64>(IDTR_BASE), load<u32>(IDTR_LIMIT));
}
function loadTable<T>(ea: Mem, base: usize, limit: usize): void {
  const l = <u32>read<u16>(ea);
  let b: u64;
  if (in64()) { b = read<u64>(ea + 2); if (!canonical(b)) raiseCode(GP, 0); }
  else { b = <u64>read<u32>(partAddress(ea, 2)); if (sizeof<T>() == 2) b &= 0xffffff; }
  store<u64>(base, b);
  store<u32>(limit, l);
}
/** LGDT m: base is 24 bits with operand size 16, 64 in 64-bit mode. */
export function LGDT<T>(ea: Mem): void {
  supervisorOnly();
  if (!tableLeaves<T>(DescriptorTableInstruction.Lgdt, ea)) loadTable<T>(ea, GDTR_BASE, GDTR_LIMIT);
}
/** LIDT m. */
export function LIDT<T>(ea: Mem): void {
  supervisorOnly();
  if (!tableLeaves<T>(DescriptorTableInstruction.Lidt, ea)) loadTable<T>(ea, IDTR_BASE, IDTR_LIMIT);
}

/** LLDT, LTR, SLDT, STR and VERR … exist in protected mode only. */
function protectedOnly(): void { if (!inProtected()) raise(UD); }
function storeSelector<T, D>(d: D, selector: u32): void {
  if (sizeof<D>() == 4) setReg<T>(<Reg>d, <T>selector);
  else write<u16>(<Mem>d, <u16>selector);
}
/** SLDT r/m. */
export function SLDT<T, D>(d: D): void {
  protectedOnly();
  checkUmip();
  if (!selectorLeaves<D>(SystemSegmentInstruction.Sldt, d)) storeSelector<T, D>(d, load<u32>(LDTR_SELECTOR));
}
/** STR r/m. */
export function STR<T, D>(d: D): void {
  protectedOnly();
  checkUmip();
  if (!selectorLeaves<D>(SystemSegmentInstruction.Str, d)) storeSelector<T, D>(d, load<u32>(TR_SELECTOR));
}

/** Base of a descriptor for LDTR or TR, which has 16 bytes in IA-32e mode. Raises what its upper half may raise. */
function systemBase(selector: u32, raw: u64): u64 {
  if (!inLong()) return baseOf(raw);
  const high = fetchUpper(selector, GP), base = baseOf(raw) | (high << 32);
  if ((high & UPPER_KIND) != 0 || !canonical(base)) raiseCode(GP, errorOf(selector));
  return base;
}
function setSystemSegment(segment: u32, selector: u32, raw: u64, base: u64): void {
  setSegment(segment, selector, raw);
  store<u64>(ES_BASE + segment * 8, base);
}
/** Loads LDTR with all checks. */
function loadLdtr(selector: u32): void {
  const code = errorOf(selector);
  if (!code) { setNull(LDTR, selector); return; }
  if (selector & SegmentSelector.Ti) raiseCode(GP, code);
  const raw = fetchDescriptor(selector, GP), rights = rightsOf(raw);
  if (kindOf(rights) != SystemSegment.Ldt) raiseCode(GP, code);
  if (!isPresent(rights)) raiseCode(NP, code);
  setSystemSegment(LDTR, selector, raw, systemBase(selector, raw));
}
/** Loads TR with all checks: the TSS must be available and becomes busy. */
function loadTr(selector: u32): void {
  const code = errorOf(selector);
  if (!code) raiseCode(GP, 0);
  if (selector & SegmentSelector.Ti) raiseCode(GP, code);
  const raw = fetchDescriptor(selector, GP), rights = rightsOf(raw), type = kindOf(rights);
  if (type != SystemSegment.Tss32Available && (type != SystemSegment.Tss16Available || inLong())) raiseCode(GP, code);
  if (!isPresent(rights)) raiseCode(NP, code);
  const base = systemBase(selector, raw);
  writeSystem<u8>(descriptorAddress(selector, 8) + RIGHTS_BYTE, <u8>(rights | SystemSegmentBit.Busy));
  setSystemSegment(TR, selector, raw | BUSY, base);
}
/** ES … GS by number, 6 LDTR, 7 TR: for the intrinsics. */
export function loadSegmentRegister(segment: u32, selector: u32): void {
  if (segment == LDTR) loadLdtr(selector); else if (segment == TR) loadTr(selector); else loadSegment(segment, selector);
}
/** LLDT r/m16. */
export function LLDT<D>(d: D): void {
  protectedOnly(); supervisorOnly();
  if (!selectorLeaves<D>(SystemSegmentInstruction.Lldt, d)) loadLdtr(<u32>value<u16, D>(d));
}
/** LTR r/m16. */
export function LTR<D>(d: D): void {
  protectedOnly(); supervisorOnly();
  if (!selectorLeaves<D>(SystemSegmentInstruction.Ltr, d)) loadTr(<u32>value<u16, D>(d));
}

// ---- tests of selectors -----------------------------------------------------------------------------------------------------------

function setZf(on: bool): void { setArithmeticFlags((arithmeticFlags() & ~<u32>Rflags.ZeroFlag) | (on ? <u32>Rflags.ZeroFlag : 0)); }
/** The descriptor of a selector that LAR, LSL, VERR or VERW may look at; 0 if there is none. */
function visible(selector: u32): u64 {
  if (isNull(selector)) return 0;
  const at = descriptorAddress(selector, 8);
  return at == ~(<u64>0) ? 0 : readSystem<u64>(at);
}
/** Privilege for LAR, LSL, VERR and VERW: conforming code is visible to all. */
function privileged(selector: u32, rights: u32): bool {
  const dpl = dplOf(rights);
  return isConformingCode(rights) || (load<u32>(CPL) <= dpl && rplOf(selector) <= dpl);
}
/** System types that LAR (bit set `lar`) or LSL may look at. */
function systemType(type: u32, lar: bool): bool {
  if (inLong()) return type == SystemSegment.Ldt || type == SystemSegment.Tss32Available || type == SystemSegment.Tss32Busy || (lar
    && type == SystemSegment.CallGate32);
  if (type == SystemSegment.CallGate16 || type == SystemSegment.TaskGate || type == SystemSegment.CallGate32) return lar;
  return type == SystemSegment.Ldt || type == SystemSegment.Tss16Available || type == SystemSegment.Tss16Busy
    || type == SystemSegment.Tss32Available || type == SystemSegment.Tss32Busy;
}
function inspect(selector: u32, lar: bool): u64 {
  const raw = visible(selector);
  if (!raw) return 0;
  const rights = rightsOf(raw);
  if (!(rights & AccessRights.S) && !systemType(rights & AccessRights.Type, lar)) return 0;
  if (!privileged(selector, rights)) return 0;
  if (!(rights & AccessRights.S) && inLong()) {
    const at = descriptorAddress(selector, 16);
    if (at == ~(<u64>0) || (readSystem<u64>(at + 8) & UPPER_KIND) != 0) return 0;
  }
  return raw;
}
/** LAR r, r/m16: access rights, ZF. */
export function LAR<T, S>(d: Reg, s: S): void {
  protectedOnly();
  const raw = inspect(<u32>value<u16, S>(s), true);
  if (raw) setReg<T>(d, <T>((raw >> 32) & LAR_BITS));
  setZf(raw != 0);
}
/** LSL r, r/m16: limit in bytes, ZF. */
export function LSL<T, S>(d: Reg, s: S): void {
  protectedOnly();
  const raw = inspect(<u32>value<u16, S>(s), false);
  if (raw) setReg<T>(d, <T>limitOf(raw));
  setZf(raw != 0);
}
/** VERR r/m16: ZF = readable. */
export function VERR<S>(s: S): void {
  protectedOnly();
  const selector = <u32>value<u16, S>(s), raw = visible(selector), rights = rightsOf(raw);
  setZf(raw != 0 && isReadable(rights) && privileged(selector, rights));
}
/** VERW r/m16: ZF = writable. */
export function VERW<S>(s: S): void {
  protectedOnly();
  const selector = <u32>value<u16, S>(s), raw = visible(selector), rights = rightsOf(raw);
  setZf(raw != 0 && isWritableData(rights) && privileged(selector, rights));
}
/** ARPL r/m16, r16: raises the RPL of DEST to that of SRC; a destination that stays need not be writable. */
export function ARPL<D>(d: D, s: Reg): void {
  protectedOnly();
  const a = <u32>value<u16, D>(d), b = rplOf(<u32>reg<u16>(s)), raised = rplOf(a) < b;
  if (raised) {
    const p = open<u16, D>(d);
    set<u16, D>(p, <u16>withRpl(a, b));
  }
  setZf(raised);
}

// ---- FS and GS bases ----------------------------------------------------------------------------------------------------------------

function checkFsgsbase(): void { if (!in64() || !(load<u32>(CR4) & Cr4.FsgsbaseEnableBit)) raise(UD); }
function writeBase<T>(segment: u32, slot: usize, s: Reg): void {
  checkFsgsbase();
  const v = <u64>reg<T>(s);
  if (!canonical(v)) raiseCode(GP, 0);
  storeBase(segment, slot, v);
}
/** RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE. */
export function RDFSBASE<T>(d: Reg): void { checkFsgsbase(); setReg<T>(d, <T>load<u64>(FS_BASE)); }
export function RDGSBASE<T>(d: Reg): void { checkFsgsbase(); setReg<T>(d, <T>load<u64>(GS_BASE)); }
export function WRFSBASE<T>(s: Reg): void { writeBase<T>(FS, FS_BASE, s); }
export function WRGSBASE<T>(s: Reg): void { writeBase<T>(GS, GS_BASE, s); }
/** SWAPGS: exchanges GS.base and IA32_KERNEL_GS_BASE. */
export function SWAPGS(): void {
  if (!in64()) raise(UD);
  supervisorOnly();
  const base = load<u64>(GS_BASE);
  storeBase(GS, GS_BASE, load<u64>(KERNEL_GS_BASE));
  storeMsr(Msr.Ia32KernelGsBase, KERNEL_GS_BASE, base);
}
