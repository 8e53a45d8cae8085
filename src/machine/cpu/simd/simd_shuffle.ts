// SPDX-License-Identifier: LGPL-2.1-only
// Packing, unpacking, shuffles, inserting and extracting words, byte masks.
// SDM 2 "PACKSSWB/PACKSSDW", "PACKUSWB", "PUNPCK…", "PSHUF…", "SHUFPS", "PEXTRW", "PINSRW", "PMOVMSKB", "MASKMOVQ/MASKMOVDQU".
import { value, write, probe } from "../memory/access";
import {
  source, target, put, xmm, setXmm, xmmSource, mmxSource, setMmx, low64, high64, lowOf, highOf, wide,
} from "./simd_access";
import { sseCheck, mmxCheck, mmxBegin } from "../float/fpu_state";
import { inSegment } from "../integer/string";
import { RDI } from "../generated/layout";
import { Reg, reg, setReg } from "../state/registers";

/** The MMX forms work on destination and source joined: destination in the low half. */
@inline function joined(a: v128, b: v128): v128 { return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23); }

/** PACKSSWB, PACKUSWB, PACKSSDW: signed elements to half the width with saturation */
@inline export function PACKSSWB<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  if (sizeof<T>() == 16) put<T>(d, i8x16.narrow_i16x8_s(a, b)); else { const j = joined(a, b); put<T>(d, i8x16.narrow_i16x8_s(j, j)); }
}
@inline export function PACKUSWB<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  if (sizeof<T>() == 16) put<T>(d, i8x16.narrow_i16x8_u(a, b)); else { const j = joined(a, b); put<T>(d, i8x16.narrow_i16x8_u(j, j)); }
}
@inline export function PACKSSDW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  if (sizeof<T>() == 16) put<T>(d, i16x8.narrow_i32x4_s(a, b)); else { const j = joined(a, b); put<T>(d, i16x8.narrow_i32x4_s(j, j)); }
}

/** Source of an interleaving of low halves: the MMX form reads only 4 bytes of memory */
@inline function lowSource<T, S>(s: S): v128 {
  if (sizeof<T>() == 16) return xmmSource<S>(s);
  else { mmxCheck(); return i32x4.splat(value<u32, S>(s)); }
}
@inline export function PUNPCKLBW<T, S>(d: Reg, s: S): void {
  const b = lowSource<T, S>(s), a = target<T>(d);
  put<T>(d, i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
}
@inline export function PUNPCKLWD<T, S>(d: Reg, s: S): void {
  const b = lowSource<T, S>(s), a = target<T>(d);
  put<T>(d, i8x16.shuffle(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23));
}
@inline export function PUNPCKLDQ<T, S>(d: Reg, s: S): void {
  const b = lowSource<T, S>(s), a = target<T>(d);
  put<T>(d, i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23));
}
@inline export function PUNPCKLQDQ<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); store<u64>(<usize>d, lowOf(b), 8); }
@inline export function PUNPCKHQDQ<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, wide(high64(d), highOf(b))); }
@inline export function PUNPCKHBW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  if (sizeof<T>() == 16) put<T>(d, i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
  else put<T>(d, i8x16.shuffle(a, b, 4, 20, 5, 21, 6, 22, 7, 23, 4, 20, 5, 21, 6, 22, 7, 23));
}
@inline export function PUNPCKHWD<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  if (sizeof<T>() == 16) put<T>(d, i8x16.shuffle(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31));
  else put<T>(d, i8x16.shuffle(a, b, 4, 5, 20, 21, 6, 7, 22, 23, 4, 5, 20, 21, 6, 7, 22, 23));
}
@inline export function PUNPCKHDQ<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  if (sizeof<T>() == 16) put<T>(d, i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31));
  else put<T>(d, i8x16.shuffle(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 4, 5, 6, 7, 20, 21, 22, 23));
}

/** Four words of v chosen by the bit pairs of an immediate. */
@inline function words(v: u64, imm: u32): u64 {
  return (v >> ((imm & 3) << 4) & 0xffff) | (v >> ((imm >> 2 & 3) << 4) & 0xffff) << 16
    | (v >> ((imm >> 4 & 3) << 4) & 0xffff) << 32 | v >> ((imm >> 6 & 3) << 4) << 48;
}
/** Byte indices of a doubleword chosen by two bits. */
@inline function dwordIndex(k: u32): u32 { return 0x03020100 + 0x04040404 * (k & 3); }
/** Four doublewords of v chosen by the bit pairs of an immediate. */
@inline function dwords(v: v128, imm: u32): v128 {
  return i8x16.swizzle(v,
    wide(<u64>dwordIndex(imm) | <u64>dwordIndex(imm >> 2) << 32, <u64>dwordIndex(imm >> 4) | <u64>dwordIndex(imm >> 6) << 32));
}
@inline export function PSHUFD<S>(d: Reg, s: S, imm: u32): void { setXmm(d, dwords(xmmSource<S>(s), imm)); }
@inline export function PSHUFLW<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmSource<S>(s);
  setXmm(d, wide(words(lowOf(b), imm), highOf(b)));
}
@inline export function PSHUFHW<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmSource<S>(s);
  setXmm(d, wide(lowOf(b), words(highOf(b), imm)));
}
@inline export function PSHUFW<S>(d: Reg, s: S, imm: u32): void { const b = mmxSource<S>(s); setMmx(d, words(b, imm)); }
/** SHUFPS: two doublewords of DEST, two of SRC */
@inline export function SHUFPS<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmSource<S>(s), x = dwords(xmm(d), imm), y = dwords(b, imm);
  setXmm(d, wide(lowOf(x), highOf(y)));
}
/** The immediate of SHUFPD: the high half of SRC. */
@inline const SECOND_HIGH: u32 = 2;
@inline export function SHUFPD<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmSource<S>(s);
  setXmm(d, wide(imm & 1 ? high64(d) : low64(d), imm & SECOND_HIGH ? highOf(b) : lowOf(b)));
}
@inline export function UNPCKLPS<S>(d: Reg, s: S): void { PUNPCKLDQ<v128, S>(d, s); }
@inline export function UNPCKHPS<S>(d: Reg, s: S): void { PUNPCKHDQ<v128, S>(d, s); }

/** PEXTRW r32, xmm/mm, imm8 (register form of the 0F map) */
@inline export function PEXTRW(d: Reg, s: Reg, imm: u32): void { sseCheck(); setReg<u32>(d, load<u16>(<usize>s + ((imm & 7) << 1))); }
@inline export function PEXTRWM(d: Reg, s: Reg, imm: u32): void {
  mmxCheck();
  const v = load<u16>(<usize>s + ((imm & 3) << 1));
  mmxBegin();
  setReg<u32>(d, v);
}
/** PINSRW xmm/mm, r32/m16, imm8 */
@inline export function PINSRW<S>(d: Reg, s: S, imm: u32): void {
  sseCheck();
  const v = value<u16, S>(s);
  store<u16>(<usize>d + ((imm & 7) << 1), v);
}
@inline export function PINSRWM<S>(d: Reg, s: S, imm: u32): void {
  mmxCheck();
  const v = value<u16, S>(s), n = (imm & 3) << 4;
  setMmx(d, low64(d) & ~(<u64>0xffff << n) | <u64>v << n);
}
/** PMOVMSKB, MOVMSKPS, MOVMSKPD r32, xmm: sign bits of the elements */
@inline export function PMOVMSKB(d: Reg, s: Reg): void { sseCheck(); setReg<u32>(d, <u32>i8x16.bitmask(xmm(s))); }
@inline export function PMOVMSKBM(d: Reg, s: Reg): void {
  mmxCheck();
  const v = <u32>i8x16.bitmask(i64x2.splat(<i64>low64(s))) & 0xff;
  mmxBegin();
  setReg<u32>(d, v);
}
@inline export function MOVMSKPS(d: Reg, s: Reg): void { sseCheck(); setReg<u32>(d, <u32>i32x4.bitmask(xmm(s))); }
@inline export function MOVMSKPD(d: Reg, s: Reg): void { sseCheck(); setReg<u32>(d, <u32>i64x2.bitmask(xmm(s))); }

/** Stores the chosen bytes of lo:hi one by one. The whole operand must be writable, whatever the mask (the manual leaves that open). */
function maskedStore(ea: u64, lo: u64, hi: u64, size: u32, mask: u32): void {
  // accesses of up to 8 bytes are checked for alignment. SDM 2A "Exceptions Type 4"
  probe(ea, size, size == 8 ? 8 : 1, 1);
  for (let i: u32 = 0; i < size; i++) {
    if (mask >> i & 1) write<u8>(ea + i, <u8>((i < 8 ? lo : hi) >> ((i & 7) << 3)));
  }
}
/** MASKMOVDQU / MASKMOVQ: bytes of the first operand whose mask byte is negative go to DS:rDI */
@inline export function MASKMOVDQU<A>(s: Reg, m: Reg, segment: Reg): void {
  sseCheck();
  maskedStore(inSegment<A>(segment, <u64>reg<A>(RDI)), low64(s), high64(s), 16, <u32>i8x16.bitmask(xmm(m)));
}
@inline export function MASKMOVQ<A>(s: Reg, m: Reg, segment: Reg): void {
  mmxCheck();
  // processors make the transition to MMX state even when the store then faults
  mmxBegin();
  maskedStore(inSegment<A>(segment, <u64>reg<A>(RDI)), low64(s), 0, 8, <u32>i8x16.bitmask(i64x2.splat(<i64>low64(m))) & 0xff);
}
