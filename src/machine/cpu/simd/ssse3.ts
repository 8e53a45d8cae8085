// SPDX-License-Identifier: LGPL-2.1-only
// SSSE3; each function is the MMX and the SSE instruction. SDM 2 "PSHUFB", "PHADDW/PHADDD", "PHADDSW", "PHSUB…", "PMADDUBSW", "PSIGN…",
// "PMULHRSW", "PABS…", "PALIGNR".
import { source, target, put } from "./simd_access";
import { byteNumbers } from "./simd_shift";
import { Reg } from "../state/registers";

/** DEST and SRC as one vector of neighbours: for SSE two vectors, for MMX the halves of one. */
@inline function joined(a: v128, b: v128): v128 { return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23); }
@inline function evenWords<T>(a: v128, b: v128): v128 {
  if (sizeof<T>() == 16) return i8x16.shuffle(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29);
  else { const j = joined(a, b); return i8x16.shuffle(j, j, 0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13); }
}
@inline function oddWords<T>(a: v128, b: v128): v128 {
  if (sizeof<T>() == 16) return i8x16.shuffle(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
  else { const j = joined(a, b); return i8x16.shuffle(j, j, 2, 3, 6, 7, 10, 11, 14, 15, 2, 3, 6, 7, 10, 11, 14, 15); }
}
@inline function evenDwords<T>(a: v128, b: v128): v128 {
  if (sizeof<T>() == 16) return i8x16.shuffle(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
  else { const j = joined(a, b); return i8x16.shuffle(j, j, 0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11); }
}
@inline function oddDwords<T>(a: v128, b: v128): v128 {
  if (sizeof<T>() == 16) return i8x16.shuffle(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  else { const j = joined(a, b); return i8x16.shuffle(j, j, 4, 5, 6, 7, 12, 13, 14, 15, 4, 5, 6, 7, 12, 13, 14, 15); }
}
@inline export function PHADDW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  put<T>(d, i16x8.add(evenWords<T>(a, b), oddWords<T>(a, b)));
}
@inline export function PHADDD<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  put<T>(d, i32x4.add(evenDwords<T>(a, b), oddDwords<T>(a, b)));
}
@inline export function PHADDSW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  put<T>(d, i16x8.add_sat_s(evenWords<T>(a, b), oddWords<T>(a, b)));
}
@inline export function PHSUBW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  put<T>(d, i16x8.sub(evenWords<T>(a, b), oddWords<T>(a, b)));
}
@inline export function PHSUBD<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  put<T>(d, i32x4.sub(evenDwords<T>(a, b), oddDwords<T>(a, b)));
}
@inline export function PHSUBSW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  put<T>(d, i16x8.sub_sat_s(evenWords<T>(a, b), oddWords<T>(a, b)));
}

/** PSHUFB: an index with bit 7 set gives 0; the MMX form has 8 bytes to choose from */
@inline export function PSHUFB<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s);
  put<T>(d, i8x16.swizzle(target<T>(d), v128.and(b, i8x16.splat(sizeof<T>() == 16 ? <i8>0x8f : <i8>0x87))));
}
/** PMADDUBSW: unsigned bytes of DEST × signed bytes of SRC, neighbours added with saturation */
@inline export function PMADDUBSW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  const even = i16x8.mul(v128.and(a, i16x8.splat(0xff)), i16x8.shr_s(i16x8.shl(b, 8), 8));
  put<T>(d, i16x8.add_sat_s(even, i16x8.mul(i16x8.shr_u(a, 8), i16x8.shr_s(b, 8))));
}
/** PMULHRSW: bits 30:15 of the products, rounded; −1 × −1 wraps to 8000h */
@inline export function PMULHRSW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d), least = i16x8.splat(-32768);
  put<T>(d, v128.xor(i16x8.q15mulr_sat_s(a, b), v128.and(i16x8.eq(a, least), i16x8.eq(b, least))));
}
/** PSIGNx: negated, zero or unchanged by the sign of SRC */
@inline export function PSIGNB<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), n = i8x16.shr_s(b, 7);
  put<T>(d, v128.andnot(i8x16.sub(v128.xor(target<T>(d), n), n), i8x16.eq(b, i64x2.splat(0))));
}
@inline export function PSIGNW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), n = i16x8.shr_s(b, 15);
  put<T>(d, v128.andnot(i16x8.sub(v128.xor(target<T>(d), n), n), i16x8.eq(b, i64x2.splat(0))));
}
@inline export function PSIGND<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), n = i32x4.shr_s(b, 31);
  put<T>(d, v128.andnot(i32x4.sub(v128.xor(target<T>(d), n), n), i32x4.eq(b, i64x2.splat(0))));
}
@inline export function PABSB<T, S>(d: Reg, s: S): void { put<T>(d, i8x16.abs(source<T, S>(s))); }
@inline export function PABSW<T, S>(d: Reg, s: S): void { put<T>(d, i16x8.abs(source<T, S>(s))); }
@inline export function PABSD<T, S>(d: Reg, s: S): void { put<T>(d, i32x4.abs(source<T, S>(s))); }

/** PALIGNR: DEST:SRC shifted right by bytes, its low part */
@inline export function PALIGNR<T, S>(d: Reg, s: S, imm: u32): void {
  const b = source<T, S>(s), a = target<T>(d), at = i8x16.add(byteNumbers(), i8x16.splat(<i8>(imm > 31 ? 32 : imm)));
  if (sizeof<T>() == 16) put<T>(d, v128.or(i8x16.swizzle(b, at), i8x16.swizzle(a, i8x16.sub(at, i8x16.splat(16)))));
  else put<T>(d, i8x16.swizzle(joined(b, a), at));
}
