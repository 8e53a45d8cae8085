// SPDX-License-Identifier: LGPL-2.1-only
// Decoder: bytes to records. SDM Volume 2 "Instruction Format"; the tables come from the instruction table. What is decoded where is code.ts's.
import { currentRip } from "./access";
import { raise, raiseCode } from "./interrupt";
import { codeLinear } from "./fetch";
import {
  DECODE_CODE, DECODE_CODE32, DECODE_CODE64, DECODE_MODE, DECODE_SEGMENTED, DECODE_STACK32, ES_BASE, UNDEFINED, PAGE_RIP, RAX, RSP, X87_REGISTERS, XMM, ZERO,
} from "./layout";
import {
  ENTRIES, ENTRY_BYTES, FORM_TOO_LONG, FORM_UNDEFINED, FORMS, OPCODES, OPERAND_CONTROL_REGISTER, OPERAND_DEBUG_REGISTER, OPERAND_FAR, OPERAND_FIXED,
  OPERAND_FIXED_HIGH, OPERAND_IMM16, OPERAND_IMM8, OPERAND_IMM_V, OPERAND_IMM_Z, OPERAND_JB, OPERAND_JZ, OPERAND_MMX_REG, OPERAND_MMX_RM, OPERAND_MOFFS,
  OPERAND_OP, OPERAND_OP8, OPERAND_REG, OPERAND_REG8, OPERAND_RM, OPERAND_RM8, OPERAND_SECOND_IMM8, OPERAND_SEGMENT_REGISTER, OPERAND_SIMM8,
  OPERAND_STACK_REGISTER, OPERAND_STRING_SOURCE, OPERAND_XMM_REG, OPERAND_XMM_RM,
} from "./decoder_tables";
import { ABSOLUTE, ADDRESS16, ADDRESS32, DEFAULT_STACK, RELATIVE, SEGMENTED, STACK_INSTRUCTION, WITH_BASE } from "./record";
import { UD, GP } from "./architecture";

/** SDM Volume 3 "Interrupt 6—Invalid Opcode Exception (#UD)". */
export function raiseUndefined(rec: usize): void {
  if (!meantToFault(load<u32>(rec, 8))) recordUndefined();
  raise(UD);
}
/** UD2, UD1 and UD0 raise #UD on every processor: this one lacks nothing. `number`: as takeOpcode() gives it. */
function meantToFault(number: u32): bool { return number == 0x10b || number == 0x1b9 || number == 0x1ff; }
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

@inline const MAX_LENGTH: u32 = 15;
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
let modrm: u32 = 0;
let opcode: u32 = 0;
let isMemory: bool = false;
let defaultStack: bool = false;
let isRipRelative: bool = false;

/** A byte that no instruction of legal length can have is 0 and not fetched: what has more is #GP(0), even where the next page is absent. */
function nextByte(): u32 {
  const at = position++;
  if (at >= MAX_LENGTH) return 0;
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
  while (position < MAX_LENGTH) {
    const byte = peekByte();
    if (needsMore) return;
    if (is64 && (byte & 0xf0) == 0x40) { rex = byte; position++; continue; }
    switch (byte) {
      case 0x66: operandPrefix = true; break;
      case 0x67: addressPrefix = true; break;
      case 0xf0: lockPrefix = true; break;
      case 0xf2: case 0xf3: repeatPrefix = byte; break;
      // ES, CS, SS, DS are ignored in 64-bit mode
      case 0x26: if (!is64) segmentPrefix = 0; break;
      case 0x2e: if (!is64) segmentPrefix = 1; break;
      case 0x36: if (!is64) segmentPrefix = 2; break;
      case 0x3e: if (!is64) segmentPrefix = 3; break;
      case 0x64: segmentPrefix = 4; break;
      case 0x65: segmentPrefix = 5; break;
      default: return;
    }
    // REX counts only right before the opcode
    rex = 0;
    position++;
  }
}

/** The opcode's number: map × 256 + byte. */
function takeOpcode(): u32 {
  const first = nextByte();
  if (first != 0x0f) { opcode = first; return first; }
  const second = nextByte();
  if (second == 0x38) { opcode = nextByte(); return 512 + opcode; }
  if (second == 0x3a) { opcode = nextByte(); return 768 + opcode; }
  opcode = second;
  return 256 + second;
}

/** The mandatory prefix as a bit of the entry's set: none 1, 66 2, F3 4, F2 8. */
@inline function prefixBit(): u32 { return repeatPrefix == 0xf3 ? 4 : repeatPrefix == 0xf2 ? 8 : operandPrefix ? 2 : 1; }

/** The entry of the table that the instruction matches, 0 if none. */
function match(number: u32): usize {
  const end = load<u16>(OPCODES + (number + 1) * 2), prefix = prefixBit();
  let looked = false;
  for (let i: u32 = load<u16>(OPCODES + number * 2); i < end; i++) {
    const entry = ENTRIES + i * ENTRY_BYTES, how = load<u8>(entry, 1);
    if (!(load<u8>(entry) & prefix) || !(load<u8>(entry, 3) & (is64 ? 1 : 2))) continue;
    if ((how & 0x40) && (rex & 1)) continue;
    if (how & 1) {
      if (!looked) { modrm = peekByte(); looked = true; }
      const value = load<u8>(entry, 2), isRegister = modrm >= 0xc0;
      if ((how & 2) && ((modrm >> 3) & 7) != value) continue;
      if ((how & 4) && (how & 8 ? modrm & 0xf8 : modrm) != value) continue;
      if ((how & 0x10) && !isRegister) continue;
      if ((how & 0x20) && isRegister) continue;
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
    if (rm < 2 || rm == 7) base = general(3);
    else if (rm < 4 || rm == 6) { base = general(5); defaultStack = true; }
    if (rm < 4) index = rm & 1 ? general(7) : general(6);
    else if (rm == 4) base = general(6);
    else if (rm == 5) base = general(7);
    if (mod == 1) disp = <i32><i8>nextByte();
    else if (mod == 2) disp = <i32><i16>nextWord();
  }
  putAddress(rec, base, index, 0, disp);
}

/** SDM Volume 2 "32-Bit Addressing Forms with the ModR/M Byte", with REX and RIP-relative addressing in 64-bit mode. */
function address32(rec: usize, mod: u32, rm: u32): void {
  let base: u32 = <u32>ZERO, index: u32 = <u32>ZERO, scale: u32 = 0, disp: i32 = 0, hasDouble = mod == 2;
  if (rm == 4) {
    const sib = nextByte(), i = ((sib >> 3) & 7) | ((rex & 2) << 2);
    scale = sib >> 6;
    if (i != 4) index = general(i);
    if ((sib & 7) == 5 && mod == 0) hasDouble = true;
    else base = general((sib & 7) | ((rex & 1) << 3));
  } else if (rm == 5 && mod == 0) {
    hasDouble = true;
    // the base is the page; the offset in it is added when the length is known
    if (is64) { isRipRelative = true; base = <u32>PAGE_RIP; }
  } else base = general(rm | ((rex & 1) << 3));
  if (base == general(4) || base == general(5)) defaultStack = true;
  if (mod == 1) disp = <i32><i8>nextByte();
  else if (hasDouble) disp = <i32>nextDouble();
  putAddress(rec, base, index, scale, disp);
}

@inline function putAddress(rec: usize, base: u32, index: u32, scale: u32, disp: i32): void {
  store<i32>(rec, disp, 16);
  store<u16>(rec, base, 20);
  store<u16>(rec, index, 22);
  store<u8>(rec, scale, 24);
}

/** Segment, width and flags of the memory operand's address. `size`: 0 16, 1 32, 2 64 bits. */
function putSegment(rec: usize, size: u32, offsetOnly: bool, flags: u32): void {
  if (size == 0) flags |= ADDRESS16;
  else if (size == 1) flags |= ADDRESS32;
  let slot = <u32>ZERO;
  if (!offsetOnly) {
    const segment = segmentPrefix != NO_SEGMENT ? segmentPrefix : defaultStack ? 2 : 3;
    if (defaultStack && segmentPrefix == NO_SEGMENT) flags |= DEFAULT_STACK;
    if (is64) {
      if (segment >= 4) { slot = <u32>ES_BASE + segment * 8; flags |= WITH_BASE; }
    } else {
      slot = <u32>ES_BASE + segment * 8;
      if (mode & DECODE_SEGMENTED) flags |= SEGMENTED;
      else if (segment >= 4 || segment == 1) flags |= WITH_BASE;
    }
  }
  store<u16>(rec, slot, 26);
  store<u8>(rec, flags, 25);
}

/** Operand size of an entry: 0 16, 1 32, 2 64 bits. SDM Volume 1 "Operand Size and Address Size in 64-Bit Mode". */
function operandSize(entry: usize): u32 {
  const how = load<u8>(entry, 3), rule = load<u8>(entry, 10) >> 4;
  if (rule == 2) return rex & 8 ? 2 : 1;
  let size: u32;
  if (is64) {
    if (how & 0x10) size = 2;
    else if (rex & 8) size = 2;
    else if (operandPrefix) size = 0;
    else size = how & 8 ? 2 : 1;
  } else size = u32((mode & DECODE_CODE) == DECODE_CODE32) ^ u32(operandPrefix);
  return size;
}

@inline function addressSize(): u32 {
  if (is64) return addressPrefix ? 1 : 2;
  return u32((mode & DECODE_CODE) == DECODE_CODE32) ^ u32(addressPrefix);
}

@inline function stackSize(): u32 { return is64 ? 2 : mode & DECODE_STACK32 ? 1 : 0; }

function putSlot(rec: usize, position: u32, slot: u32): void {
  if (position == 0) store<u16>(rec, slot, 4);
  else if (position == 1) store<u16>(rec, slot, 6);
  else store<u16>(rec, slot, 14);
}

/** Finds one operand. Returns false where the encoding is undefined. */
function putOperand(rec: usize, operand: u32, index: u32, size: u32): bool {
  const reg = ((modrm >> 3) & 7) | ((rex & 4) << 1), rm = (modrm & 7) | ((rex & 1) << 3);
  switch (operand) {
    case OPERAND_RM8: if (!isMemory) putSlot(rec, index, general8(rm)); break;
    case OPERAND_RM: if (!isMemory) putSlot(rec, index, general(rm)); break;
    case OPERAND_REG8: putSlot(rec, index, general8(reg)); break;
    case OPERAND_REG: putSlot(rec, index, general(reg)); break;
    case OPERAND_OP8: putSlot(rec, index, general8((opcode & 7) | ((rex & 1) << 3))); break;
    case OPERAND_OP: putSlot(rec, index, general((opcode & 7) | ((rex & 1) << 3))); break;
    case OPERAND_IMM8: store<i32>(rec, <i32>nextByte(), 8); break;
    case OPERAND_SIMM8: case OPERAND_JB: store<i32>(rec, <i32><i8>nextByte(), 8); break;
    case OPERAND_IMM16: store<i32>(rec, <i32>nextWord(), 8); break;
    case OPERAND_IMM_Z: case OPERAND_JZ: store<i32>(rec, size == 0 ? <i32><i16>nextWord() : <i32>nextDouble(), 8); break;
    case OPERAND_IMM_V:
      store<i32>(rec, size == 0 ? <i32><i16>nextWord() : <i32>nextDouble(), 8);
      if (size == 2) store<i32>(rec, <i32>nextDouble(), 16);
      break;
    case OPERAND_SECOND_IMM8: store<i32>(rec, <i32>nextByte(), 16); break;
    case OPERAND_MOFFS: putOffset(rec); break;
    case OPERAND_FAR:
      store<i32>(rec, size == 0 ? <i32>nextWord() : <i32>nextDouble(), 8);
      store<i32>(rec, <i32>nextWord(), 16);
      break;
    case OPERAND_XMM_REG: putSlot(rec, index, <u32>XMM + reg * XMM_BYTES); break;
    case OPERAND_XMM_RM: if (!isMemory) putSlot(rec, index, <u32>XMM + rm * XMM_BYTES); break;
    case OPERAND_MMX_REG: putSlot(rec, index, <u32>X87_REGISTERS + (reg & 7) * 16); break;
    case OPERAND_MMX_RM: if (!isMemory) putSlot(rec, index, <u32>X87_REGISTERS + (rm & 7) * 16); break;
    case OPERAND_SEGMENT_REGISTER:
      if ((reg & 7) > 5) return false;
      putSlot(rec, index, reg & 7);
      break;
    case OPERAND_CONTROL_REGISTER: case OPERAND_DEBUG_REGISTER: putSlot(rec, index, reg); break;
    case OPERAND_STACK_REGISTER: putSlot(rec, index, modrm & 7); break;
    case OPERAND_STRING_SOURCE: putSegment(rec, addressSize(), false, 0); break;
    default:
      if (operand >= OPERAND_FIXED_HIGH) putSlot(rec, index, general(operand - OPERAND_FIXED_HIGH) + 1);
      else if (operand >= OPERAND_FIXED) putSlot(rec, index, general(operand - OPERAND_FIXED));
  }
  return true;
}
@inline const XMM_BYTES: u32 = 16;

/** The offset of MOV AL, moffs and its like: as wide as addresses are. */
function putOffset(rec: usize): void {
  const size = addressSize(), low = size == 0 ? nextWord() : nextDouble();
  putAddress(rec, <u32>ZERO, <u32>ZERO, 0, 0);
  store<i32>(rec, <i32>low, 8);
  store<i32>(rec, size == 2 ? <i32>nextDouble() : 0, 16);
  defaultStack = false;
  putSegment(rec, size, false, ABSOLUTE);
}

/** Number of the entry's form for the sizes found; FORM_UNDEFINED where there is none. */
function formOf(entry: usize, size: u32): u32 {
  const has = load<u8>(entry, 10);
  let index: u32 = u32((has & 1) && isMemory);
  if (has & 2) index = index * 3 + (has >> 4 == 1 ? min<u32>(size, 1) : size);
  if (has & 4) index = index * 3 + (load<u8>(entry, 3) & 0x20 ? stackSize() : addressSize());
  if (has & 8) index = index * 3 + (repeatPrefix == 0xf3 ? 1 : repeatPrefix == 0xf2 ? 2 : 0);
  const form = <u32>load<u16>(FORMS + (<u32>load<u16>(entry, 8) + index) * 2);
  return form == 0xffff ? FORM_UNDEFINED : form;
}

/** Fills the record of a matched instruction. Returns its form. */
function fill(rec: usize, entry: usize): u32 {
  const how = load<u8>(entry, 1), options = load<u8>(entry, 3), size = operandSize(entry);
  isMemory = defaultStack = isRipRelative = false;
  if (how & 1) {
    modrm = nextByte();
    isMemory = modrm < 0xc0 && !(how & 0x80);
    if (isMemory) {
      const width = addressSize();
      if (width == 0) address16(rec, modrm >> 6, modrm & 7); else address32(rec, modrm >> 6, modrm & 7);
      // POP Ev: rSP counts as incremented
      if ((options & 0x80) && load<u16>(rec, 20) == <u32>RSP) store<i32>(rec, load<i32>(rec, 16) + (2 << size), 16);
      putSegment(rec, width, (options & 0x40) != 0, 0);
    }
  }
  for (let i: u32 = 0; i < 4; i++) {
    const operand = <u32>load<u8>(entry + i, 4);
    if (operand && !putOperand(rec, operand, i, size)) return FORM_UNDEFINED;
  }
  if (lockPrefix && !((options & 4) && isMemory)) return FORM_UNDEFINED;
  if (options & 0x20) store<u8>(rec, load<u8>(rec, 25) | STACK_INSTRUCTION, 25);
  return formOf(entry, size);
}

/**
 * Decodes one instruction into `rec`: form, length, operands, page offset. `at`: its first byte, with `count` bytes left in the page; `more`: the
 * first byte of the next page, 0 if that must not be used (then `needsMore` tells whether the record is valid). `modeNow`: DECODE_MODE.
 */
export function decodeInstruction(rec: usize, at: usize, count: u32, more: usize, offset: u32, modeNow: u32): void {
  code = at;
  available = count;
  rest = more;
  position = 0;
  needsMore = false;
  mode = modeNow;
  is64 = (modeNow & DECODE_CODE) == DECODE_CODE64;
  memory.fill(rec, 0, 32);
  store<u16>(rec, <u32>ZERO, 20);
  store<u16>(rec, <u32>ZERO, 22);
  store<u16>(rec, <u32>ZERO, 26);
  store<u16>(rec, offset, 12);
  takePrefixes();
  const number = takeOpcode(), entry = match(number);
  let form = entry ? fill(rec, entry) : FORM_UNDEFINED;
  if (position > MAX_LENGTH) form = FORM_TOO_LONG;
  if (form == FORM_UNDEFINED) store<u32>(rec, number, 8);            // there is no operand: the opcode takes its place
  else if (number >> 3 == ESCAPES) store<u32>(rec, (number & 7) << 8 | modrm, 8);
  store<u16>(rec, form);
  store<u8>(rec, position, 2);
  if (!isRipRelative || !entry) return;
  // PAGE_RIP is the base; near ±2 GiB the displacement from there does not fit
  const fromPage = <i64>load<i32>(rec, 16) + <i64>(offset + position);
  if (fromPage == <i64><i32>fromPage) store<i32>(rec, <i32>fromPage, 16);
  else store<u8>(rec, load<u8>(rec, 25) | RELATIVE, 25);
}
