// SPDX-License-Identifier: LGPL-2.1-only
// Packed shifts. SDM 2 "PSLLW/PSLLD/PSLLQ", "PSRLW/PSRLD/PSRLQ", "PSRAW/PSRAD", "PSLLDQ", "PSRLDQ".
// A count of the element's width or more gives zeros (PSRA: sign bits). The count is the whole low quadword of the source.
import { target, put, xmmSource, mmxSource } from "./simd_access";
import { sseCheck, mmxCheck } from "../float/fpu_state";
import { Reg } from "../state/registers";

@inline function count<T, S>(s: S): u64 {
  if (sizeof<T>() == 16) return <u64>i64x2.extract_lane(xmmSource<S>(s), 0); else return mmxSource<S>(s);
}
@inline function check<T>(): void { if (sizeof<T>() == 16) sseCheck(); else mmxCheck(); }

@inline function left16(a: v128, n: u64): v128 { return n > 15 ? i64x2.splat(0) : i16x8.shl(a, <i32>n); }
@inline function left32(a: v128, n: u64): v128 { return n > 31 ? i64x2.splat(0) : i32x4.shl(a, <i32>n); }
@inline function left64(a: v128, n: u64): v128 { return n > 63 ? i64x2.splat(0) : i64x2.shl(a, <i32>n); }
@inline function right16(a: v128, n: u64): v128 { return n > 15 ? i64x2.splat(0) : i16x8.shr_u(a, <i32>n); }
@inline function right32(a: v128, n: u64): v128 { return n > 31 ? i64x2.splat(0) : i32x4.shr_u(a, <i32>n); }
@inline function right64(a: v128, n: u64): v128 { return n > 63 ? i64x2.splat(0) : i64x2.shr_u(a, <i32>n); }
@inline function sign16(a: v128, n: u64): v128 { return i16x8.shr_s(a, n > 15 ? 15 : <i32>n); }
@inline function sign32(a: v128, n: u64): v128 { return i32x4.shr_s(a, n > 31 ? 31 : <i32>n); }

/** Count in a register or memory */
@inline export function PSLLW<T, S>(d: Reg, s: S): void { const n = count<T, S>(s); put<T>(d, left16(target<T>(d), n)); }
@inline export function PSLLD<T, S>(d: Reg, s: S): void { const n = count<T, S>(s); put<T>(d, left32(target<T>(d), n)); }
@inline export function PSLLQ<T, S>(d: Reg, s: S): void { const n = count<T, S>(s); put<T>(d, left64(target<T>(d), n)); }
@inline export function PSRLW<T, S>(d: Reg, s: S): void { const n = count<T, S>(s); put<T>(d, right16(target<T>(d), n)); }
@inline export function PSRLD<T, S>(d: Reg, s: S): void { const n = count<T, S>(s); put<T>(d, right32(target<T>(d), n)); }
@inline export function PSRLQ<T, S>(d: Reg, s: S): void { const n = count<T, S>(s); put<T>(d, right64(target<T>(d), n)); }
@inline export function PSRAW<T, S>(d: Reg, s: S): void { const n = count<T, S>(s); put<T>(d, sign16(target<T>(d), n)); }
@inline export function PSRAD<T, S>(d: Reg, s: S): void { const n = count<T, S>(s); put<T>(d, sign32(target<T>(d), n)); }

/** Immediate count (I) */
@inline export function PSLLWI<T>(d: Reg, n: u32): void { check<T>(); put<T>(d, left16(target<T>(d), n)); }
@inline export function PSLLDI<T>(d: Reg, n: u32): void { check<T>(); put<T>(d, left32(target<T>(d), n)); }
@inline export function PSLLQI<T>(d: Reg, n: u32): void { check<T>(); put<T>(d, left64(target<T>(d), n)); }
@inline export function PSRLWI<T>(d: Reg, n: u32): void { check<T>(); put<T>(d, right16(target<T>(d), n)); }
@inline export function PSRLDI<T>(d: Reg, n: u32): void { check<T>(); put<T>(d, right32(target<T>(d), n)); }
@inline export function PSRLQI<T>(d: Reg, n: u32): void { check<T>(); put<T>(d, right64(target<T>(d), n)); }
@inline export function PSRAWI<T>(d: Reg, n: u32): void { check<T>(); put<T>(d, sign16(target<T>(d), n)); }
@inline export function PSRADI<T>(d: Reg, n: u32): void { check<T>(); put<T>(d, sign32(target<T>(d), n)); }

/** Byte numbers 0 … 15 */
@inline export function byteNumbers(): v128 { return i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
/** PSLLDQ, PSRLDQ xmm, imm8: shift by bytes; more than 15 gives 0. swizzle gives 0 for an index outside 0 … 15 */
@inline export function PSLLDQ(d: Reg, n: u32): void {
  sseCheck();
  put<v128>(d, i8x16.swizzle(target<v128>(d), i8x16.sub(byteNumbers(), i8x16.splat(<i8>(n > 15 ? 16 : n)))));
}
@inline export function PSRLDQ(d: Reg, n: u32): void {
  sseCheck();
  put<v128>(d, i8x16.swizzle(target<v128>(d), i8x16.add(byteNumbers(), i8x16.splat(<i8>(n > 15 ? 16 : n)))));
}
