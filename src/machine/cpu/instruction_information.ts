// SPDX-License-Identifier: LGPL-2.1-only
// VM-exit instruction information: the operands of the instruction at RIP, decoded anew from its bytes, since only exits need them.
// SDM 3C "Information for VM Exits Due to Instruction Execution", tables "Format of the VM-Exit Instruction-Information Field".
import { currentRip, nextRip } from "./access";
import { DECODE_CODE, DECODE_CODE16, DECODE_CODE64, DECODE_MODE } from "./layout";
import { codeLinear, fetchByte } from "./fetch";

let at: u64 = 0;
let shift: i64 = 0;
function next(): u32 { return fetchByte(codeLinear(at++)); }
function word(): u32 { const low = next(); return low | (next() << 8); }

/** Displacement of the memory operand, with RIP added if it is RIP-relative; the exit qualification. Valid after instructionInformation(). */
export function displacement(): u64 { return <u64>shift; }

/**
 * Scaling 1:0, register 6:3, address size 9:7, register form 10, operand size 11, segment 17:15, index 21:18 (22 invalid), base 26:23 (27 invalid),
 * ModRM.reg 31:28. Callers mask what their instruction's format does not have.
 */
export function instructionInformation(): u32 {
  const mode = load<u32>(DECODE_MODE) & DECODE_CODE, is64 = mode == DECODE_CODE64;
  at = currentRip();
  shift = 0;
  let rex: u32 = 0, operand16 = mode == DECODE_CODE16, address: u32 = mode == DECODE_CODE16 ? 0 : is64 ? 2 : 1, segment: u32 = 0xff, byte: u32;
  for (;;) {
    byte = next();
    if (byte == 0x66) operand16 = mode != DECODE_CODE16;
    else if (byte == 0x67) address = mode == DECODE_CODE16 ? 1 : is64 ? 1 : 0;
    else if (byte == 0x26) segment = 0;
    else if (byte == 0x2e) segment = 1;
    else if (byte == 0x36) segment = 2;
    else if (byte == 0x3e) segment = 3;
    else if (byte == 0x64) segment = 4;
    else if (byte == 0x65) segment = 5;
    else if (byte != 0xf0 && byte != 0xf2 && byte != 0xf3) {
      if (!is64 || (byte & 0xf0) != 0x40) break;
      rex = byte;
      continue;
    }
    rex = 0;
  }
  const size: u32 = rex & 8 ? 2 : operand16 ? 0 : 1;
  if (byte >= 0x6c && byte <= 0x6f) return (address << 7) | ((segment == 0xff ? 3 : segment) << 15);         // INS, OUTS
  if (byte == 0x0f) { byte = next(); if (byte == 0x38 || byte == 0x3a) next(); }
  const modrm = next(), mod = modrm >> 6, reg = ((modrm >> 3) & 7) | ((rex & 4) << 1), rm = modrm & 7;
  let information = (address << 7) | (reg << 28) | (u32(size != 0) << 11);
  if (mod == 3) return information | ((rm | ((rex & 1) << 3)) << 3) | 0x400 | (3 << 15);
  let base: u32 = rm | ((rex & 1) << 3), index: u32 = 0, hasBase: u32 = 1, hasIndex: u32 = 0, stack = false;
  if (address == 0) {
    const bases: u32 = 0x3_5_6_7_5_5_3_3;                        // BX BX BP BP SI DI BP BX, rm 0 lowest
    base = (bases >> (rm * 4)) & 15;
    if (rm < 4) { index = rm & 1 ? 7 : 6; hasIndex = 1; }
    stack = rm == 2 || rm == 3 || (rm == 6 && mod != 0);
    if (rm == 6 && mod == 0) { hasBase = 0; shift = <i64><i16>word(); }
    else if (mod == 1) shift = <i64><i8>next();
    else if (mod == 2) shift = <i64><i16>word();
  } else {
    let relative = false, wide = mod == 2;
    if (rm == 4) {
      const sib = next();
      index = ((sib >> 3) & 7) | ((rex & 2) << 2);
      base = (sib & 7) | ((rex & 1) << 3);
      hasIndex = u32(index != 4);
      if (hasIndex) information |= sib >> 6;
      if ((sib & 7) == 5 && mod == 0) { hasBase = 0; wide = true; }
    } else if (rm == 5 && mod == 0) { hasBase = 0; wide = true; relative = is64; }
    stack = hasBase != 0 && (base == 4 || base == 5);
    if (mod == 1) shift = <i64><i8>next();
    else if (wide) { const low = word(); shift = <i64><i32>(low | (word() << 16)); }
    if (relative) shift += <i64>nextRip;
  }
  if (segment == 0xff || (is64 && segment < 4)) segment = stack ? 2 : 3;
  information |= segment << 15;
  information |= hasIndex ? index << 18 : 1 << 22;
  information |= hasBase ? base << 23 : 1 << 27;
  return information;
}
