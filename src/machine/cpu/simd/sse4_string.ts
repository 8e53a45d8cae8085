// SPDX-License-Identifier: LGPL-2.1-only
// SSE4.2 string comparison. SDM 2 "PCMPESTRI", "PCMPESTRM", "PCMPISTRI", "PCMPISTRM"; SDM 1 "Programming with SSE4: String and Text
// Processing".
import { setArithmeticFlags } from "../state/flags";
import { RAX, RCX, RDX, XMM } from "../generated/layout";
import { xmmUnaligned, xmm, wide } from "./simd_access";
import { Reg, setReg, reg } from "../state/registers";
import { Rflags } from "../generated/architecture";

const first: usize = memory.data(16, 16);
const second: usize = memory.data(16, 16);

/** The immediate: SDM 1 "Source Data Format", "Aggregation Operation", "Polarity", "Output Selection". */
@inline const SIGNED: u32 = 2;
@inline const EQUAL_ANY: u32 = 0;
@inline const RANGES: u32 = 1;
@inline const EQUAL_EACH: u32 = 2;
@inline const NEGATIVE: u32 = 0x10;
@inline const MASKED: u32 = 0x20;
/** The most significant bit; a mask of elements. */
@inline const FROM_TOP: u32 = 0x40;

/** Element i of a string, by imm bit 0 (words) and bit 1 (signed). */
function element(base: usize, i: u32, imm: u32): i32 {
  if (imm & 1) return imm & SIGNED ? <i32>load<i16>(base + (i << 1)) : <i32>load<u16>(base + (i << 1));
  return imm & SIGNED ? <i32>load<i8>(base + i) : <i32>load<u8>(base + i);
}
/** Elements before the first zero. */
function implicitLength(base: usize, imm: u32): u32 {
  const n: u32 = imm & 1 ? 8 : 16;
  let i: u32 = 0;
  while (i < n && element(base, i, imm)) i++;
  return i;
}
/** Absolute value of a length register, at most the number of elements. */
function explicitLength(register: Reg, imm: u32, wide: bool): u32 {
  const n: u64 = imm & 1 ? 8 : 16, v = wide ? <i64>reg<u64>(register) : <i64><i32>reg<u32>(register), m = v < 0 ? <u64>-v : <u64>v;
  return <u32>(m > n ? n : m);
}

/** Bit of element j of the second string, before polarity: la, lb are the valid lengths. */
function aggregate(imm: u32, j: u32, la: u32, lb: u32): bool {
  const n: u32 = imm & 1 ? 8 : 16, mode = imm >> 2 & 3;
  if (mode == EQUAL_ANY) {
    if (j >= lb) return false;
    for (let i: u32 = 0; i < la; i++) if (element(first, i, imm) == element(second, j, imm)) return true;
    return false;
  }
  if (mode == RANGES) {
    if (j >= lb) return false;
    const v = element(second, j, imm);
    for (let i: u32 = 0; i + 1 < la; i += 2) if (v >= element(first, i, imm) && v <= element(first, i + 1, imm)) return true;
    return false;
  }
  if (mode == EQUAL_EACH) return j >= la || j >= lb ? j >= la && j >= lb : element(first, j, imm) == element(second, j, imm);
  // equal ordered: the first string, as far as valid, is found in the second at j (beyond the register's end everything matches)
  for (let i: u32 = 0; i < la && i + j < n; i++) if (i + j >= lb || element(first, i, imm) != element(second, i + j, imm)) return false;
  return true;
}
/** IntRes2 and the flags: CF any bit, ZF/SF a string is short, OF bit 0. */
function compare(a: v128, b: v128, imm: u32, isExplicit: bool, wideLengths: bool): u32 {
  store<v128>(first, a); store<v128>(second, b);
  const n: u32 = imm & 1 ? 8 : 16;
  const la = isExplicit ? explicitLength(RAX, imm, wideLengths) : implicitLength(first, imm);
  const lb = isExplicit ? explicitLength(RDX, imm, wideLengths) : implicitLength(second, imm);
  let bits: u32 = 0;
  for (let j: u32 = 0; j < n; j++) {
    let bit = aggregate(imm, j, la, lb);
    if (imm & NEGATIVE && (!(imm & MASKED) || j < lb)) bit = !bit;
    if (bit) bits |= 1 << j;
  }
  setArithmeticFlags((bits ? 1 : 0) | (lb < n ? <u32>Rflags.ZeroFlag : 0) | (la < n ? <u32>Rflags.SignFlag : 0)
    | (bits & 1 ? <u32>Rflags.OverflowFlag : 0));
  return bits;
}
/** Index of the least (or, imm bit 6, most) significant bit to ECX; the number of elements if there is none. */
function index(bits: u32, imm: u32): void {
  setReg<u32>(RCX, !bits ? imm & 1 ? 8 : 16 : imm & FROM_TOP ? 31 - <u32>clz<u32>(bits) : <u32>ctz<u32>(bits));
}
/** The bits, or (imm bit 6) a mask of elements, to XMM0. */
function mask(bits: u32, imm: u32): void {
  if (!(imm & FROM_TOP)) { store<v128>(XMM, wide(bits, 0)); return; }
  for (let i: u32 = 0; i < 16; i++) store<u8>(XMM + i, bits >> (imm & 1 ? i >> 1 : i) & 1 ? 0xff : 0);
}
@inline export function PCMPISTRI<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmUnaligned<S>(s);
  index(compare(xmm(d), b, imm, false, false), imm);
}
@inline export function PCMPISTRM<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmUnaligned<S>(s);
  mask(compare(xmm(d), b, imm, false, false), imm);
}
/** T = u64 with REX.W: lengths in RAX and RDX */
@inline export function PCMPESTRI<T, S>(d: Reg, s: S, imm: u32): void {
  const b = xmmUnaligned<S>(s);
  index(compare(xmm(d), b, imm, true, sizeof<T>() == 8), imm);
}
@inline export function PCMPESTRM<T, S>(d: Reg, s: S, imm: u32): void {
  const b = xmmUnaligned<S>(s);
  mask(compare(xmm(d), b, imm, true, sizeof<T>() == 8), imm);
}
