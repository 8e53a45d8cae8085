// SPDX-License-Identifier: LGPL-2.1-only
// Packed integer arithmetic, comparison and logic; each function is the MMX and the SSE instruction.
// SDM 2 "PADDB/PADDW/PADDD/PADDQ", "PSUB…", "PMUL…", "PMADD…", "PCMP…", "PMIN…", "PMAX…", "PAVG…", "PSADBW", "PAND" …
import { source, target, put } from "./simd_access";
import { Reg } from "../state/registers";

/** PADDx/PSUBx mm, mm/m64; xmm, xmm/m128: wrapping, signed saturating (S), unsigned saturating (US). */
@inline export function PADDB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.add(target<T>(d), b)); }
@inline export function PADDW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.add(target<T>(d), b)); }
@inline export function PADDD<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i32x4.add(target<T>(d), b)); }
@inline export function PADDQ<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i64x2.add(target<T>(d), b)); }
@inline export function PSUBB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.sub(target<T>(d), b)); }
@inline export function PSUBW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.sub(target<T>(d), b)); }
@inline export function PSUBD<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i32x4.sub(target<T>(d), b)); }
@inline export function PSUBQ<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i64x2.sub(target<T>(d), b)); }
@inline export function PADDSB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.add_sat_s(target<T>(d), b)); }
@inline export function PADDSW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.add_sat_s(target<T>(d), b)); }
@inline export function PADDUSB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.add_sat_u(target<T>(d), b)); }
@inline export function PADDUSW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.add_sat_u(target<T>(d), b)); }
@inline export function PSUBSB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.sub_sat_s(target<T>(d), b)); }
@inline export function PSUBSW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.sub_sat_s(target<T>(d), b)); }
@inline export function PSUBUSB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.sub_sat_u(target<T>(d), b)); }
@inline export function PSUBUSW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.sub_sat_u(target<T>(d), b)); }

/** High halves of eight 32-bit products. */
@inline function highWords(low: v128, high: v128): v128 {
  return i8x16.shuffle(low, high, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
}
/** PMULLW, PMULHW, PMULHUW: low or high 16 bits of the products */
@inline export function PMULLW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.mul(target<T>(d), b)); }
@inline export function PMULHW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  put<T>(d, highWords(i32x4.extmul_low_i16x8_s(a, b), i32x4.extmul_high_i16x8_s(a, b)));
}
@inline export function PMULHUW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d);
  put<T>(d, highWords(i32x4.extmul_low_i16x8_u(a, b), i32x4.extmul_high_i16x8_u(a, b)));
}
/** PMULUDQ: products of the even unsigned doublewords */
@inline export function PMULUDQ<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), m = i64x2.splat(0xffffffff);
  put<T>(d, i64x2.mul(v128.and(target<T>(d), m), v128.and(b, m)));
}
/** PMADDWD: sums of neighbouring 32-bit products */
@inline export function PMADDWD<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i32x4.dot_i16x8_s(target<T>(d), b)); }
/** PAVGB, PAVGW: (a + b + 1) >> 1 unsigned */
@inline export function PAVGB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.avgr_u(target<T>(d), b)); }
@inline export function PAVGW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.avgr_u(target<T>(d), b)); }
/** PSADBW: sums of eight absolute differences of unsigned bytes */
@inline export function PSADBW<T, S>(d: Reg, s: S): void {
  const b = source<T, S>(s), a = target<T>(d), x = i8x16.sub(i8x16.max_u(a, b), i8x16.min_u(a, b));
  const q = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(x));
  put<T>(d, i64x2.add(v128.and(q, i64x2.splat(0xffffffff)), i64x2.shr_u(q, 32)));
}

/** PMINUB, PMINSW, PMAXUB, PMAXSW */
@inline export function PMINUB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.min_u(target<T>(d), b)); }
@inline export function PMINSW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.min_s(target<T>(d), b)); }
@inline export function PMAXUB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.max_u(target<T>(d), b)); }
@inline export function PMAXSW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.max_s(target<T>(d), b)); }

/** PCMPEQx, PCMPGTx (signed): all ones where true */
@inline export function PCMPEQB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.eq(target<T>(d), b)); }
@inline export function PCMPEQW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.eq(target<T>(d), b)); }
@inline export function PCMPEQD<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i32x4.eq(target<T>(d), b)); }
@inline export function PCMPGTB<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i8x16.gt_s(target<T>(d), b)); }
@inline export function PCMPGTW<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i16x8.gt_s(target<T>(d), b)); }
@inline export function PCMPGTD<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, i32x4.gt_s(target<T>(d), b)); }

/** PAND, PANDN (NOT DEST AND SRC), POR, PXOR; ANDPS, ANDPD … are the same operation */
@inline export function PAND<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, v128.and(target<T>(d), b)); }
@inline export function PANDN<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, v128.andnot(b, target<T>(d))); }
@inline export function POR<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, v128.or(target<T>(d), b)); }
@inline export function PXOR<T, S>(d: Reg, s: S): void { const b = source<T, S>(s); put<T>(d, v128.xor(target<T>(d), b)); }
