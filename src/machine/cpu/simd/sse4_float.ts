// SPDX-License-Identifier: LGPL-2.1-only
// SSE4.1 floating point. SDM 2 "ROUNDPS", "ROUNDPD", "ROUNDSS", "ROUNDSD", "DPPS", "DPPD", "INSERTPS".
import {
  xmm, setXmm, xmmSource, xmmSource32, xmmSource64, setLow32, setLow64, wide, lowOf, highOf,
} from "./simd_access";
import {
  beginFloat, endFloat, arithmetic32, arithmetic64, roundingMode, nan32, nan64, daz, OP_ADD, OP_MUL,
} from "./sse_float";
import { roundToIntegral } from "../float/soft_float";
import { unpackA32, unpackA64, pack32, pack64, isNan32, isNan64 } from "../float/float_formats";
import { Reg } from "../state/registers";

/** The immediate of ROUNDPS and its kin: MXCSR's rounding mode instead of bits 1:0; no inexact exception. */
@inline const BY_MXCSR: u32 = 4;
@inline const NO_PRECISION: u32 = 8;
/** The immediate of DPPS and DPPD: which products count, and which lanes get the sum. */
@inline const PRODUCT_0: u32 = 0x10;
@inline const PRODUCT_1: u32 = 0x20;
@inline const PRODUCT_2: u32 = 0x40;
@inline const PRODUCT_3: u32 = 0x80;
@inline const LANE_0: u32 = 1;
@inline const LANE_1: u32 = 2;
@inline const LANE_2: u32 = 4;
@inline const LANE_3: u32 = 8;

/** One lane to an integral value: imm bits 1:0 rounding mode, bit 2 take MXCSR's instead, bit 3 no inexact exception. */
function integral32(v: u32, imm: u32): u32 {
  if (isNan32(v)) return nan32(v, v);
  unpackA32(v, daz);
  roundToIntegral(imm & BY_MXCSR ? roundingMode() : imm & 3, (imm & NO_PRECISION) != 0);
  return pack32();
}
function integral64(v: u64, imm: u32): u64 {
  if (isNan64(v)) return nan64(v, v);
  unpackA64(v, daz);
  roundToIntegral(imm & BY_MXCSR ? roundingMode() : imm & 3, (imm & NO_PRECISION) != 0);
  return pack64();
}
function integrals32(v: v128, imm: u32): v128 {
  const low = lowOf(v), high = highOf(v);
  beginFloat();
  const a = <u64>integral32(<u32>low, imm), b = <u64>integral32(<u32>(low >> 32), imm);
  const c = <u64>integral32(<u32>high, imm), d = <u64>integral32(<u32>(high >> 32), imm);
  endFloat();
  return wide(a | b << 32, c | d << 32);
}
function integrals64(v: v128, imm: u32): v128 {
  beginFloat();
  const a = integral64(lowOf(v), imm), b = integral64(highOf(v), imm);
  endFloat();
  return wide(a, b);
}
function scalarIntegral32(v: u32, imm: u32): u32 { beginFloat(); const r = integral32(v, imm); endFloat(); return r; }
function scalarIntegral64(v: u64, imm: u32): u64 { beginFloat(); const r = integral64(v, imm); endFloat(); return r; }
@inline export function ROUNDPS<S>(d: Reg, s: S, imm: u32): void { setXmm(d, integrals32(xmmSource<S>(s), imm)); }
@inline export function ROUNDPD<S>(d: Reg, s: S, imm: u32): void { setXmm(d, integrals64(xmmSource<S>(s), imm)); }
@inline export function ROUNDSS<S>(d: Reg, s: S, imm: u32): void { setLow32(d, scalarIntegral32(xmmSource32<S>(s), imm)); }
@inline export function ROUNDSD<S>(d: Reg, s: S, imm: u32): void { setLow64(d, scalarIntegral64(xmmSource64<S>(s), imm)); }

/** Products chosen by imm bits 7:4, summed in pairs, to the lanes chosen by bits 3:0. Every step is rounded. */
function dot32(a: v128, b: v128, imm: u32): v128 {
  const al = lowOf(a), ah = highOf(a), bl = lowOf(b), bh = highOf(b);
  beginFloat();
  const p0 = imm & PRODUCT_0 ? arithmetic32(OP_MUL, <u32>al, <u32>bl) : 0,
    p1 = imm & PRODUCT_1 ? arithmetic32(OP_MUL, <u32>(al >> 32), <u32>(bl >> 32)) : 0;
  const p2 = imm & PRODUCT_2 ? arithmetic32(OP_MUL, <u32>ah, <u32>bh) : 0,
    p3 = imm & PRODUCT_3 ? arithmetic32(OP_MUL, <u32>(ah >> 32), <u32>(bh >> 32)) : 0;
  endFloatStep();
  const s0 = arithmetic32(OP_ADD, p0, p1), s1 = arithmetic32(OP_ADD, p2, p3);
  endFloatStep();
  const sum = arithmetic32(OP_ADD, s0, s1);
  endFloat();
  if (isNan32(sum)) return wide(
    (imm & LANE_0 ? <u64>firstNan32(p1, p0, p3, p2) : 0) | (imm & LANE_1 ? <u64>sum << 32 : 0),
    (imm & LANE_2 ? <u64>firstNan32(p3, p2, p1, p0) : 0) | (imm & LANE_3 ? <u64>firstNan32(p2, p3, p0, p1) << 32 : 0),
  );
  const lane = <u64>sum;
  return wide(
    (imm & LANE_0 ? lane : 0) | (imm & LANE_1 ? lane << 32 : 0),
    (imm & LANE_2 ? lane : 0) | (imm & LANE_3 ? lane << 32 : 0),
  );
}
/**
 * The sum of a lane that is a NaN: each lane begins with its neighbour's product, and of two NaNs the first one counts. The SDM adds once
 * for all lanes; Intel's processors show this (test/differential, `dotProductNan`).
 */
function firstNan32(a: u32, b: u32, c: u32, d: u32): u32 {
  return arithmetic32(OP_ADD, arithmetic32(OP_ADD, a, b), arithmetic32(OP_ADD, c, d));
}
function dot64(a: v128, b: v128, imm: u32): v128 {
  beginFloat();
  const p0 = imm & PRODUCT_0 ? arithmetic64(OP_MUL, lowOf(a), lowOf(b)) : 0,
    p1 = imm & PRODUCT_1 ? arithmetic64(OP_MUL, highOf(a), highOf(b)) : 0;
  endFloatStep();
  const sum = arithmetic64(OP_ADD, p0, p1);
  endFloat();
  const other = isNan64(sum) ? arithmetic64(OP_ADD, p1, p0) : sum;
  return wide(imm & LANE_0 ? sum : 0, imm & LANE_1 ? other : 0);
}
/** An unmasked exception of one step ends the instruction before the next one. */
@inline function endFloatStep(): void { endFloat(); beginFloat(); }
@inline export function DPPS<S>(d: Reg, s: S, imm: u32): void { const b = xmmSource<S>(s); setXmm(d, dot32(xmm(d), b, imm)); }
@inline export function DPPD<S>(d: Reg, s: S, imm: u32): void { const b = xmmSource<S>(s); setXmm(d, dot64(xmm(d), b, imm)); }

/** INSERTPS: lane imm 7:6 of SRC (memory: the only one) to lane imm 5:4, then zeros where imm 3:0 says */
@inline export function INSERTPS<S>(d: Reg, s: S, imm: u32): void {
  let v = xmmSource32<S>(s);
  if (sizeof<S>() == 4) v = load<u32>(<usize><u32>s + ((imm >> 6 & 3) << 2));
  store<u32>(<usize>d + ((imm >> 4 & 3) << 2), v);
  for (let i: u32 = 0; i < 4; i++) if (imm >> i & 1) store<u32>(<usize>d + (i << 2), 0);
}
