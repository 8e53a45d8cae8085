// SPDX-License-Identifier: LGPL-2.1-only
// Decoder: bytes to records. SDM Volume 2 "Instruction Format"; the tables come from the instruction table. blocks.ts decides what is
// decoded where.
import { codeLinear } from "../memory/fetch";
import {
  DECODE_CODE, DECODE_CODE32, DECODE_CODE64, DECODE_MODE, DECODE_REAL, DECODE_SEGMENTED, DECODE_STACK32, ES_BASE, UNDEFINED,
  PAGE_RIP, RAX, RSP, X87_REGISTERS, XMM, ZERO, CS, SS, DS, FS, GS, RBX, RBP, RDI, RSI, ES, LONGEST_INSTRUCTION,
} from "../generated/layout";
import {
  ENTRIES, ENTRY_BYTES, OpcodeMap, Rex, Prefix, PrefixMask, OPCODES, EntryField, EntryOption, EntryMatch,
  MODRM_REGISTER, SizeIndex, SIZE_RULE_SHIFT, SizeRule, OperandCode, EntryForms, FORMS, NO_FORM, FORM_UNDEFINED,
  FORM_TOO_LONG, Vex,
} from "../generated/decoder_tables";
import { UD, GP } from "../generated/architecture";
import { RecordField, RecordFlag, RECORD_BYTES } from "../generated/record_format";
import { raise, raiseCode } from "../events/raise";
import { currentRip } from "../state/instruction";

/** SDM Volume 3 "Interrupt 6—Invalid Opcode Exception (#UD)". */
export function raiseUndefined(rec: usize): void {
  if (!meantToFault(load<u32>(rec, RecordField.Immediate))) recordUndefined();
  raise(UD);
}
/** Opcodes of two bytes that are undefined on purpose. SDM 2B "UD—Undefined Instruction". */
@inline const UD2: u32 = OpcodeMap.TwoByte + 0x0b;
@inline const UD1: u32 = OpcodeMap.TwoByte + 0xb9;
@inline const UD0: u32 = OpcodeMap.TwoByte + 0xff;
/** UD2, UD1 and UD0 raise #UD on every processor: that is no gap of this one. `number`: as takeOpcode() gives it. */
function meantToFault(number: u32): bool { return number == UD2 || number == UD1 || number == UD0; }
/** Notes the place of an opcode that this processor does not have, for the report of a death. */
function recordUndefined(): void {
  const rip = currentRip(), linear = codeLinear(rip);
  store<u32>(UNDEFINED, load<u32>(UNDEFINED) + 1);
  store<u32>(UNDEFINED, load<u32>(DECODE_MODE), 4);
  store<u64>(UNDEFINED, rip, 8);
  store<u64>(UNDEFINED, linear, 16);
}
/** An instruction longer than 15 bytes: SDM Volume 3 "Interrupt 13—General Protection Exception (#GP)". */
export function raiseTooLong(): void { raiseCode(GP, 0); }

/** The width of the fields reg and rm of ModR/M, index and base of SIB, and of a register in an opcode. SDM 2A "Instruction Format". */
@inline const FIELD: u32 = 7;
/** The opcodes D8–DF of x87 instructions, without their low three bits. None of them has an immediate. */
@inline const ESCAPES: u32 = 0x1b;
@inline const NO_SEGMENT: u32 = 0xff;

// Where bytes come from: `available` bytes at `code`, then those at `rest` (the next page), if it is known.
let code: usize = 0;
let available: u32 = 0;
let rest: usize = 0;
let position: u32 = 0;
/** The last instruction needs bytes of the next page, and they were not given: its record is not valid. */
export let needsMore: bool = false;

// The instruction being decoded
let mode: u32 = 0;
let is64: bool = false;
let rex: u32 = 0;
let operandPrefix: bool = false;
let addressPrefix: bool = false;
/** 0, F3 or F2: the last of them counts. */
let repeatPrefix: u32 = 0;
let lockPrefix: bool = false;
let segmentPrefix: u32 = NO_SEGMENT;
/** The instruction has a VEX prefix; VEX.vvvv, not inverted, and whether an operand is there; VEX.L is 1. */
let hasVex: bool = false;
let vexRegister: u32 = 0;
let vexRegisterUsed: bool = false;
let vexLong: bool = false;
let modrm: u32 = 0;
let opcode: u32 = 0;
let isMemory: bool = false;
let defaultStack: bool = false;
let isRipRelative: bool = false;

/**
 * A byte that no instruction of legal length can have is 0 and not fetched: what has more is #GP(0), even where the next page is absent.
 */
function nextByte(): u32 {
  const at = position++;
  if (at >= LONGEST_INSTRUCTION) return 0;
  if (at < available) return load<u8>(code + at);
  if (rest) return load<u8>(rest + at - available);
  needsMore = true;
  return 0;
}
function nextWord(): u32 { const low = nextByte(); return low | (nextByte() << 8); }
function nextDouble(): u32 { const low = nextWord(); return low | (nextWord() << 16); }
/** The byte at the position, without taking it. */
function peekByte(): u32 { const was = position, value = nextByte(); position = was; return value; }

/** Takes the legacy prefixes and REX; what is left at the position is the opcode. SDM Volume 2 "Instruction Prefixes". */
function takePrefixes(): void {
  rex = 0;
  operandPrefix = addressPrefix = lockPrefix = false;
  repeatPrefix = 0;
  segmentPrefix = NO_SEGMENT;
  while (position < LONGEST_INSTRUCTION) {
    const byte = peekByte();
    if (needsMore) return;
    if (is64 && (byte & Rex.Mask) == Rex.First) { rex = byte; position++; continue; }
    switch (byte) {
      case Prefix.OperandSize: operandPrefix = true; break;
      case Prefix.AddressSize: addressPrefix = true; break;
      case Prefix.Lock: lockPrefix = true; break;
      case Prefix.Repne: case Prefix.Rep: repeatPrefix = byte; break;
      // ES, CS, SS, DS are ignored in 64-bit mode
      case Prefix.Es: if (!is64) segmentPrefix = ES; break;
      case Prefix.Cs: if (!is64) segmentPrefix = CS; break;
      case Prefix.Ss: if (!is64) segmentPrefix = SS; break;
      case Prefix.Ds: if (!is64) segmentPrefix = DS; break;
      case Prefix.Fs: segmentPrefix = FS; break;
      case Prefix.Gs: segmentPrefix = GS; break;
      default: return;
    }
    // REX counts only right before the opcode
    rex = 0;
    position++;
  }
}

/** True if C4H or C5H, which was taken, begins a VEX prefix. SDM 2A "VEX Encoding Support in 32-Bit Mode". */
function beginsVex(): bool {
  if (is64) return true;
  return !(mode & DECODE_REAL) && (peekByte() & Vex.NotLoad) == Vex.NotLoad;
}
/** No opcode has this number: the encoding is undefined. */
@inline const NO_OPCODE: u32 = 0xffffffff;
/** Takes a VEX prefix and the opcode after it. No prefix of those that VEX replaces may be before it. SDM 2A "VEX Prefix". */
function takeVexOpcode(first: u32): u32 {
  const wrong = rex != 0 || operandPrefix || repeatPrefix != 0 || lockPrefix;
  const second = nextByte(), third = first == Prefix.Vex3 ? nextByte() : second & ~Vex.W;
  const map: u32 = first == Prefix.Vex3 ? second & Vex.Map : 1;
  hasVex = true;
  rex = 0;
  if (is64) {
    const inverted = ~second;
    rex = Rex.First | (inverted & Vex.R ? Rex.R : 0);
    if (first == Prefix.Vex3) rex |= (inverted & Vex.X ? Rex.X : 0) | (inverted & Vex.B ? Rex.B : 0) | (third & Vex.W ? Rex.W : 0);
  }
  vexRegister = (~third & Vex.Vvvv) >> ctz<u32>(Vex.Vvvv);
  vexRegisterUsed = false;
  vexLong = (third & Vex.L) != 0;
  const prefix = third & Vex.Prefix;
  operandPrefix = prefix == 1;
  repeatPrefix = prefix == 2 ? Prefix.Rep : prefix == 3 ? Prefix.Repne : 0;
  opcode = nextByte();
  return wrong || map == 0 || map > 3 ? NO_OPCODE : OpcodeMap.Vex + (map - 1) * 256 + opcode;
}
/** The opcode's number: map × 256 + byte. */
function takeOpcode(): u32 {
  const first = nextByte();
  if ((first == Prefix.Vex2 || first == Prefix.Vex3) && beginsVex()) return takeVexOpcode(first);
  if (first != OpcodeMap.Escape) { opcode = first; return first; }
  const second = nextByte();
  if (second == OpcodeMap.Escape38) { opcode = nextByte(); return OpcodeMap.ThreeByte38 + opcode; }
  if (second == OpcodeMap.Escape3a) { opcode = nextByte(); return OpcodeMap.ThreeByte3a + opcode; }
  opcode = second;
  return OpcodeMap.TwoByte + second;
}

/** The mandatory prefix as a bit of the entry's set: none 1, 66 2, F3 4, F2 8. */
@inline function prefixBit(): u32 {
  if (repeatPrefix) return repeatPrefix == Prefix.Rep ? PrefixMask.pF3 : PrefixMask.pF2;
  return operandPrefix ? PrefixMask.p66 : PrefixMask.none;
}

/** The entry of the table that the instruction matches, 0 if none. */
function match(number: u32): usize {
  const end = load<u16>(OPCODES + (number + 1) * 2), prefix = prefixBit();
  let looked = false;
  for (let i: u32 = load<u16>(OPCODES + number * 2); i < end; i++) {
    const entry = ENTRIES + i * ENTRY_BYTES, how = load<u8>(entry, EntryField.Match);
    if (!(load<u8>(entry) & prefix) || !(load<u8>(entry, EntryField.Options) & (is64 ? EntryOption.In64 : EntryOption.Outside64))) continue;
    if ((how & EntryMatch.WithoutRexB) && (rex & Rex.B)) continue;
    if (how & EntryMatch.HasModrm) {
      if (!looked) { modrm = peekByte(); looked = true; }
      const value = load<u8>(entry, EntryField.Modrm), isRegister = modrm >= MODRM_REGISTER;
      if ((how & EntryMatch.Digit) && ((modrm >> 3) & FIELD) != value) continue;
      if ((how & EntryMatch.Exact) && (how & EntryMatch.RegisterInModrm ? modrm & ~FIELD : modrm) != value) continue;
      if ((how & EntryMatch.RegisterOnly) && !isRegister) continue;
      if ((how & EntryMatch.MemoryOnly) && isRegister) continue;
    }
    return entry;
  }
  return 0;
}

@inline function general(n: u32): u32 { return <u32>RAX + n * 8; }
/** Slot of an 8-bit register: AH … BH are 4 … 7 without REX. */
@inline function general8(n: u32): u32 { return !rex && n >= 4 && n < 8 ? <u32>RAX + (n - 4) * 8 + 1 : general(n); }

/** SDM Volume 2 "16-Bit Addressing Forms with the ModR/M Byte". */
function address16(rec: usize, mod: u32, rm: u32): void {
  let base: u32 = <u32>ZERO, index: u32 = <u32>ZERO, disp: i32 = 0;
  if (rm == 6 && mod == 0) disp = <i32><u32>nextWord();
  else {
    if (rm < 2 || rm == 7) base = <u32>RBX;
    else if (rm < 4 || rm == 6) { base = <u32>RBP; defaultStack = true; }
    if (rm < 4) index = rm & 1 ? <u32>RDI : <u32>RSI;
    else if (rm == 4) base = <u32>RSI;
    else if (rm == 5) base = <u32>RDI;
    if (mod == 1) disp = <i32><i8>nextByte();
    else if (mod == 2) disp = <i32><i16>nextWord();
  }
  putAddress(rec, base, index, 0, disp);
}

/** SDM Volume 2 "32-Bit Addressing Forms with the ModR/M Byte", with REX and RIP-relative addressing in 64-bit mode. */
function address32(rec: usize, mod: u32, rm: u32): void {
  let base: u32 = <u32>ZERO, index: u32 = <u32>ZERO, scale: u32 = 0, disp: i32 = 0, hasDouble = mod == 2;
  if (rm == 4) {
    const sib = nextByte(), i = ((sib >> 3) & FIELD) | ((rex & Rex.X) << 2);
    scale = sib >> 6;
    if (i != 4) index = general(i);
    if ((sib & FIELD) == 5 && mod == 0) hasDouble = true;
    else base = general((sib & FIELD) | ((rex & Rex.B) << 3));
  } else if (rm == 5 && mod == 0) {
    hasDouble = true;
    // the base is the page; the offset in it is added when the length is known
    if (is64) { isRipRelative = true; base = <u32>PAGE_RIP; }
  } else base = general(rm | ((rex & Rex.B) << 3));
  if (base == <u32>RSP || base == <u32>RBP) defaultStack = true;
  if (mod == 1) disp = <i32><i8>nextByte();
  else if (hasDouble) disp = <i32>nextDouble();
  putAddress(rec, base, index, scale, disp);
}

@inline function putAddress(rec: usize, base: u32, index: u32, scale: u32, disp: i32): void {
  store<i32>(rec, disp, RecordField.Displacement);
  store<u16>(rec, base, RecordField.Base);
  store<u16>(rec, index, RecordField.Index);
  store<u8>(rec, scale, RecordField.Scale);
}

/** Segment, width and flags of the memory operand's address. `size`: 0 16, 1 32, 2 64 bits. */
function putSegment(rec: usize, size: u32, offsetOnly: bool, flags: u32): void {
  if (size == SizeIndex.Bits16) flags |= RecordFlag.Address16;
  else if (size == SizeIndex.Bits32) flags |= RecordFlag.Address32;
  let slot = <u32>ZERO;
  if (!offsetOnly) {
    const segment = segmentPrefix != NO_SEGMENT ? segmentPrefix : defaultStack ? SS : DS;
    if (defaultStack && segmentPrefix == NO_SEGMENT) flags |= RecordFlag.DefaultStack;
    if (is64) {
      if (segment >= FS) { slot = <u32>ES_BASE + segment * 8; flags |= RecordFlag.WithBase; }
    } else {
      slot = <u32>ES_BASE + segment * 8;
      if (mode & DECODE_SEGMENTED) flags |= RecordFlag.Segmented;
      else if (segment >= FS || segment == CS) flags |= RecordFlag.WithBase;
    }
  }
  store<u16>(rec, slot, RecordField.Segment);
  store<u8>(rec, flags, RecordField.Flags);
}

/** Operand size of an entry: 0 16, 1 32, 2 64 bits. SDM Volume 1 "Operand Size and Address Size in 64-Bit Mode". */
function operandSize(entry: usize): u32 {
  const options = load<u8>(entry, EntryField.Options), rule = <u32>load<u8>(entry, EntryField.Choice) >> SIZE_RULE_SHIFT;
  if (rule == SizeRule.Y) return rex & Rex.W ? SizeIndex.Bits64 : SizeIndex.Bits32;
  let size: u32;
  if (is64) {
    if (options & EntryOption.Force64) size = SizeIndex.Bits64;
    else if (rex & Rex.W) size = SizeIndex.Bits64;
    else if (operandPrefix) size = SizeIndex.Bits16;
    else size = options & EntryOption.Default64 ? SizeIndex.Bits64 : SizeIndex.Bits32;
  } else size = u32((mode & DECODE_CODE) == DECODE_CODE32) ^ u32(operandPrefix);
  return size;
}

@inline function addressSize(): u32 {
  if (is64) return addressPrefix ? SizeIndex.Bits32 : SizeIndex.Bits64;
  return u32((mode & DECODE_CODE) == DECODE_CODE32) ^ u32(addressPrefix);
}

@inline function stackSize(): u32 { return is64 ? SizeIndex.Bits64 : mode & DECODE_STACK32 ? SizeIndex.Bits32 : SizeIndex.Bits16; }

function putSlot(rec: usize, position: u32, slot: u32): void {
  if (position == 0) store<u16>(rec, slot, RecordField.SlotA);
  else if (position == 1) store<u16>(rec, slot, RecordField.SlotB);
  else store<u16>(rec, slot, RecordField.SlotC);
}

/** ModRM.reg with REX.R. */
@inline function registerField(): u32 { return ((modrm >> 3) & FIELD) | ((rex & Rex.R) << 1); }
/** ModRM.rm with REX.B. */
@inline function rmField(): u32 { return (modrm & FIELD) | ((rex & Rex.B) << 3); }
/** An immediate as wide as the operand, at most 32 bits. */
function putImmediate(rec: usize, size: u32): void {
  store<i32>(rec, size == SizeIndex.Bits16 ? <i32><i16>nextWord() : <i32>nextDouble(), RecordField.Immediate);
}
/** Finds one operand: those on general registers, immediates and places in memory. Returns false where the encoding is undefined. */
function putOperand(rec: usize, operand: u32, index: u32, size: u32): bool {
  switch (operand) {
    case OperandCode.Rm8: if (!isMemory) putSlot(rec, index, general8(rmField())); break;
    case OperandCode.Rm: if (!isMemory) putSlot(rec, index, general(rmField())); break;
    case OperandCode.Reg8: putSlot(rec, index, general8(registerField())); break;
    case OperandCode.Reg: putSlot(rec, index, general(registerField())); break;
    case OperandCode.Op8: putSlot(rec, index, general8((opcode & FIELD) | ((rex & Rex.B) << 3))); break;
    case OperandCode.Op: putSlot(rec, index, general((opcode & FIELD) | ((rex & Rex.B) << 3))); break;
    case OperandCode.Imm8: store<i32>(rec, <i32>nextByte(), RecordField.Immediate); break;
    case OperandCode.SImm8: case OperandCode.Jb: store<i32>(rec, <i32><i8>nextByte(), RecordField.Immediate); break;
    case OperandCode.Imm16: store<i32>(rec, <i32>nextWord(), RecordField.Immediate); break;
    case OperandCode.ImmZ: case OperandCode.Jz: putImmediate(rec, size); break;
    case OperandCode.ImmV:
      putImmediate(rec, size);
      if (size == SizeIndex.Bits64) store<i32>(rec, <i32>nextDouble(), RecordField.Displacement);
      break;
    case OperandCode.SecondImm8: store<i32>(rec, <i32>nextByte(), RecordField.Displacement); break;
    case OperandCode.Moffs: putOffset(rec); break;
    case OperandCode.StringSource: putSegment(rec, addressSize(), false, 0); break;
    case OperandCode.Far:
      store<i32>(rec, size == SizeIndex.Bits16 ? <i32>nextWord() : <i32>nextDouble(), RecordField.Immediate);
      store<i32>(rec, <i32>nextWord(), RecordField.Displacement);
      break;
    default: return putOtherOperand(rec, operand, index);
  }
  return true;
}
/** The other operands: vector, segment, control, debug and stack registers, and general registers that the opcode names. */
function putOtherOperand(rec: usize, operand: u32, index: u32): bool {
  const reg = registerField(), rm = rmField();
  switch (operand) {
    case OperandCode.XmmReg: putSlot(rec, index, <u32>XMM + reg * XMM_BYTES); break;
    case OperandCode.XmmRm: if (!isMemory) putSlot(rec, index, <u32>XMM + rm * XMM_BYTES); break;
    case OperandCode.MmxReg: putSlot(rec, index, <u32>X87_REGISTERS + (reg & FIELD) * 16); break;
    case OperandCode.MmxRm: if (!isMemory) putSlot(rec, index, <u32>X87_REGISTERS + (rm & FIELD) * 16); break;
    case OperandCode.SegmentRegister:
      if ((reg & FIELD) > GS) return false;
      putSlot(rec, index, reg & FIELD);
      break;
    case OperandCode.ControlRegister: case OperandCode.DebugRegister: putSlot(rec, index, reg); break;
    case OperandCode.StackRegister: putSlot(rec, index, modrm & FIELD); break;
    case OperandCode.Vvvv:
      vexRegisterUsed = true;
      putSlot(rec, index, general(is64 ? vexRegister : vexRegister & FIELD));
      break;
    default:
      if (operand >= OperandCode.FixedHigh) putSlot(rec, index, general(operand - OperandCode.FixedHigh) + 1);
      else if (operand >= OperandCode.Fixed) putSlot(rec, index, general(operand - OperandCode.Fixed));
  }
  return true;
}
@inline const XMM_BYTES: u32 = 16;

/** The offset of MOV AL, moffs and its like: as wide as addresses are. */
function putOffset(rec: usize): void {
  const size = addressSize(), low = size == SizeIndex.Bits16 ? nextWord() : nextDouble();
  putAddress(rec, <u32>ZERO, <u32>ZERO, 0, 0);
  store<i32>(rec, <i32>low, RecordField.Immediate);
  store<i32>(rec, size == SizeIndex.Bits64 ? <i32>nextDouble() : 0, RecordField.Displacement);
  defaultStack = false;
  putSegment(rec, size, false, RecordFlag.Absolute);
}

/** Number of the entry's form for the sizes found; FORM_UNDEFINED where there is none. */
function formOf(entry: usize, size: u32): u32 {
  const has = <u32>load<u8>(entry, EntryField.Choice);
  let index: u32 = u32((has & EntryForms.ByKind) && isMemory);
  if (has & EntryForms.BySize) index = index * 3 + (has >> SIZE_RULE_SHIFT == SizeRule.Z ? min<u32>(size, SizeIndex.Bits32) : size);
  if (has & EntryForms.ByAddress)
    index = index * 3 + (load<u8>(entry, EntryField.Options) & EntryOption.UsesStack ? stackSize() : addressSize());
  if (has & EntryForms.ByRep) index = index * 3 + (repeatPrefix == Prefix.Rep ? 1 : repeatPrefix == Prefix.Repne ? 2 : 0);
  const form = <u32>load<u16>(FORMS + (<u32>load<u16>(entry, EntryField.Forms) + index) * 2);
  return form == NO_FORM ? FORM_UNDEFINED : form;
}

/** Fills the record of a matched instruction. Returns its form. */
function fill(rec: usize, entry: usize): u32 {
  const how = load<u8>(entry, EntryField.Match), options = load<u8>(entry, EntryField.Options), size = operandSize(entry);
  isMemory = defaultStack = isRipRelative = false;
  if (how & EntryMatch.HasModrm) {
    modrm = nextByte();
    isMemory = modrm < MODRM_REGISTER && !(how & EntryMatch.IgnoresMod);
    if (isMemory) {
      const width = addressSize();
      if (width == SizeIndex.Bits16) address16(rec, modrm >> 6, modrm & FIELD); else address32(rec, modrm >> 6, modrm & FIELD);
      // POP Ev: rSP counts as incremented
      if ((options & EntryOption.IncrementedStack) && load<u16>(rec, RecordField.Base) == <u32>RSP)
        store<i32>(rec, load<i32>(rec, RecordField.Displacement) + (2 << size), RecordField.Displacement);
      putSegment(rec, width, (options & EntryOption.OffsetOnly) != 0, 0);
    }
  }
  for (let i: u32 = 0; i < 4; i++) {
    const operand = <u32>load<u8>(entry + i, EntryField.Operands);
    if (operand && !putOperand(rec, operand, i, size)) return FORM_UNDEFINED;
  }
  if (hasVex && (vexLong || (vexRegister != 0 && !vexRegisterUsed))) return FORM_UNDEFINED;
  if (lockPrefix && !((options & EntryOption.Lockable) && isMemory)) return FORM_UNDEFINED;
  if (options & EntryOption.UsesStack) store<u8>(rec, load<u8>(rec, RecordField.Flags) | RecordFlag.StackInstruction, RecordField.Flags);
  return formOf(entry, size);
}

/**
 * Decodes one instruction into `rec`: form, length, operands, page offset. `at`: its first byte, with `count` bytes left in the page;
 * `more`: the first byte of the next page, 0 if that must not be used (then `needsMore` says whether the record is valid). `modeNow`:
 * DECODE_MODE.
 */
export function decodeInstruction(rec: usize, at: usize, count: u32, more: usize, offset: u32, modeNow: u32): void {
  code = at;
  available = count;
  rest = more;
  position = 0;
  needsMore = hasVex = false;
  mode = modeNow;
  is64 = (modeNow & DECODE_CODE) == DECODE_CODE64;
  memory.fill(rec, 0, RECORD_BYTES);
  store<u16>(rec, <u32>ZERO, RecordField.Base);
  store<u16>(rec, <u32>ZERO, RecordField.Index);
  store<u16>(rec, <u32>ZERO, RecordField.Segment);
  store<u16>(rec, offset, RecordField.PageOffset);
  takePrefixes();
  const number = takeOpcode(), entry = number == NO_OPCODE ? 0 : match(number);
  let form = entry ? fill(rec, entry) : FORM_UNDEFINED;
  if (position > LONGEST_INSTRUCTION) form = FORM_TOO_LONG;
  if (form == FORM_UNDEFINED) store<u32>(rec, number, RecordField.Immediate);            // there is no operand: the opcode takes its place
  else if (number >> 3 == ESCAPES) store<u32>(rec, (number & FIELD) << 8 | modrm, RecordField.Immediate);
  store<u16>(rec, form);
  store<u8>(rec, position, RecordField.Length);
  if (!isRipRelative || !entry) return;
  // PAGE_RIP is the base; near ±2 GiB the displacement from there does not fit
  const fromPage = <i64>load<i32>(rec, RecordField.Displacement) + <i64>(offset + position);
  if (fromPage == <i64><i32>fromPage) store<i32>(rec, <i32>fromPage, RecordField.Displacement);
  else store<u8>(rec, load<u8>(rec, RecordField.Flags) | RecordFlag.Relative, RecordField.Flags);
}
