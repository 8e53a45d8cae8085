// SPDX-License-Identifier: LGPL-2.1-only
// Conversions between integers, single and double precision. SDM 2 "CVTDQ2PD" … "CVTTSS2SI".
// Out of range or NaN gives the integer indefinite and IE; denormals raise DE only between floating-point formats.
import { value } from "../memory/access";
import {
  setXmm, xmmSource, xmmSource32, xmmSource64, setLow32, setLow64, setZero64, setMmx, mmxSource, wide, lowOf, highOf,
} from "./simd_access";
import { sseCheck, mmxBegin, mmxCheck } from "../float/fpu_state";
import { MXCSR } from "../generated/layout";
import { beginFloat, endFloat, roundingMode, daz, round32, round64, widen, narrow } from "./sse_float";
import { unpackA32, unpackA64, pack32, pack64 } from "../float/float_formats";
import { fromInteger, toInteger, PE } from "../float/soft_float";
import { tame32, plain, isLarge32, isTame32, isTame64 } from "./sse_packed";
import { Reg, setReg } from "../state/registers";

/** Integer of `bits` bits from a single or double, by MXCSR or truncated. */
@inline function integer32(v: u32, bits: u32, truncate: bool): u64 {
  unpackA32(v, daz);
  return <u64>toInteger(bits, truncate ? 3 : roundingMode());
}
@inline function integer64(v: u64, bits: u32, truncate: bool): u64 {
  unpackA64(v, daz);
  return <u64>toInteger(bits, truncate ? 3 : roundingMode());
}
function single(v: i64): u32 { fromInteger(v); round32(); return pack32(); }
function double(v: i64): u64 { fromInteger(v); round64(); return pack64(); }

@inline function pair(low: u64, high: u64): u64 { return low & 0xffffffff | high << 32; }

/** Two singles → two doublewords and the like, on 64-bit halves. */
function singlesToIntegers(v: u64, truncate: bool): u64 {
  const low = integer32(<u32>v, 32, truncate);
  return pair(low, integer32(<u32>(v >> 32), 32, truncate));
}
function integersToSingles(v: u64): u64 {
  const low = <u64>single(<i32>v);
  return pair(low, <u64>single(<i32>(v >> 32)));
}
function doublesToIntegers(v: v128, truncate: bool): u64 {
  const low = integer64(lowOf(v), 32, truncate);
  return pair(low, integer64(highOf(v), 32, truncate));
}
@inline function integersToDoubles(v: u64): v128 { return wide(reinterpret<u64>(<f64><i32>v), reinterpret<u64>(<f64><i32>(v >> 32))); }

// The fast ways below take tame numbers (zero or normal) with all exceptions masked and rounding to nearest; they can raise only PE.

function noteInexact(m: u32): void { if (!(m & PE)) store<u32>(MXCSR, m | PE); }

function dqFromPs(v: v128, truncate: bool): v128 {
  const m = load<u32>(MXCSR);
  if (plain(m) && i32x4.all_true(v128.and(tame32(v), f32x4.lt(f32x4.abs(v), f32x4.splat(2147483648.0))))) {
    const r = i32x4.trunc_sat_f32x4_s(truncate ? v : f32x4.nearest(v));
    if (v128.any_true(f32x4.ne(f32x4.convert_i32x4_s(r), v))) noteInexact(m);
    return r;
  }
  beginFloat();
  const low = singlesToIntegers(lowOf(v), truncate), high = singlesToIntegers(highOf(v), truncate);
  endFloat();
  return wide(low, high);
}
function dqFromPd(v: v128, truncate: bool): u64 { beginFloat(); const r = doublesToIntegers(v, truncate); endFloat(); return r; }
function piFromPs(v: u64, truncate: bool): u64 { beginFloat(); const r = singlesToIntegers(v, truncate); endFloat(); return r; }
function psFromPi(v: u64): u64 { beginFloat(); const r = integersToSingles(v); endFloat(); return r; }
function psFromDq(v: v128): v128 {
  const m = load<u32>(MXCSR);
  if (plain(m)) {
    const r = f32x4.convert_i32x4_s(v);
    // only rounding up gives 2^31, which saturates on the way back
    if (v128.any_true(v128.or(i32x4.ne(i32x4.trunc_sat_f32x4_s(r), v), f32x4.ge(r, f32x4.splat(2147483648.0))))) noteInexact(m);
    return r;
  }
  beginFloat();
  const low = integersToSingles(lowOf(v)), high = integersToSingles(highOf(v));
  endFloat();
  return wide(low, high);
}
function psFromPd(v: v128): u64 {
  beginFloat();
  const low = <u64>narrow(lowOf(v)), r = pair(low, <u64>narrow(highOf(v)));
  endFloat();
  return r;
}
function pdFromPs(v: u64): v128 {
  beginFloat();
  const low = widen(<u32>v), high = widen(<u32>(v >> 32));
  endFloat();
  return wide(low, high);
}
function siFromSs(v: u32, bits: u32, truncate: bool): u64 {
  if (isTame32(v)) return siFromSd(reinterpret<u64>(<f64>reinterpret<f32>(v)), bits, truncate);
  beginFloat(); const r = integer32(v, bits, truncate);
  endFloat();
  return r;
}
function siFromSd(v: u64, bits: u32, truncate: bool): u64 {
  const x = reinterpret<f64>(v), m = load<u32>(MXCSR);
  if (plain(m) && isTame64(v)) {
    const y = truncate ? trunc<f64>(x) : nearest<f64>(x), limit: f64 = bits == 32 ? 2147483648.0 : 9223372036854775808.0;
    if (y < limit && y >= -limit) { if (y != x) noteInexact(m); return <u64><i64>y; }
  }
  beginFloat();
  const r = integer64(v, bits, truncate);
  endFloat();
  return r;
}
function ssFromSi(v: i64): u32 {
  if (v << 40 >> 40 == v) return reinterpret<u32>(<f32>v);
  beginFloat();
  const r = single(v);
  endFloat();
  return r;
}
function sdFromSi(v: i64): u64 {
  if (v << 11 >> 11 == v) return reinterpret<u64>(<f64>v);
  beginFloat();
  const r = double(v);
  endFloat();
  return r;
}
function sdFromSs(v: u32): u64 {
  if (isTame32(v)) return reinterpret<u64>(<f64>reinterpret<f32>(v));
  beginFloat();
  const r = widen(v);
  endFloat();
  return r;
}
function ssFromSd(v: u64): u32 {
  const m = load<u32>(MXCSR);
  if (plain(m) && isTame64(v)) {
    const x = reinterpret<f64>(v), y = <f32>x, r = reinterpret<u32>(y);
    if (isLarge32(r) || x == 0) { if (<f64>y != x) noteInexact(m); return r; }
  }
  beginFloat();
  const r = narrow(v);
  endFloat();
  return r;
}

/** Scalar integer (r/m32 or r/m64) to and from scalar single or double */
@inline export function CVTSI2SS<T, S>(d: Reg, s: S): void {
  sseCheck();
  setLow32(d, ssFromSi(sizeof<T>() == 4 ? <i64><i32>value<T, S>(s) : <i64>value<T, S>(s)));
}
@inline export function CVTSI2SD<T, S>(d: Reg, s: S): void {
  sseCheck();
  setLow64(d, sdFromSi(sizeof<T>() == 4 ? <i64><i32>value<T, S>(s) : <i64>value<T, S>(s)));
}
@inline export function CVTSS2SI<T, S>(d: Reg, s: S): void { setReg<T>(d, <T>siFromSs(xmmSource32<S>(s), <u32>sizeof<T>() << 3, false)); }
@inline export function CVTTSS2SI<T, S>(d: Reg, s: S): void { setReg<T>(d, <T>siFromSs(xmmSource32<S>(s), <u32>sizeof<T>() << 3, true)); }
@inline export function CVTSD2SI<T, S>(d: Reg, s: S): void { setReg<T>(d, <T>siFromSd(xmmSource64<S>(s), <u32>sizeof<T>() << 3, false)); }
@inline export function CVTTSD2SI<T, S>(d: Reg, s: S): void { setReg<T>(d, <T>siFromSd(xmmSource64<S>(s), <u32>sizeof<T>() << 3, true)); }
/** Between precisions */
@inline export function CVTSS2SD<S>(d: Reg, s: S): void { setLow64(d, sdFromSs(xmmSource32<S>(s))); }
@inline export function CVTSD2SS<S>(d: Reg, s: S): void { setLow32(d, ssFromSd(xmmSource64<S>(s))); }
@inline export function CVTPS2PD<S>(d: Reg, s: S): void { setXmm(d, pdFromPs(xmmSource64<S>(s))); }
@inline export function CVTPD2PS<S>(d: Reg, s: S): void { setZero64(d, psFromPd(xmmSource<S>(s))); }
/** Packed doublewords */
@inline export function CVTDQ2PS<S>(d: Reg, s: S): void { setXmm(d, psFromDq(xmmSource<S>(s))); }
@inline export function CVTPS2DQ<S>(d: Reg, s: S): void { setXmm(d, dqFromPs(xmmSource<S>(s), false)); }
@inline export function CVTTPS2DQ<S>(d: Reg, s: S): void { setXmm(d, dqFromPs(xmmSource<S>(s), true)); }
@inline export function CVTDQ2PD<S>(d: Reg, s: S): void { setXmm(d, integersToDoubles(xmmSource64<S>(s))); }
@inline export function CVTPD2DQ<S>(d: Reg, s: S): void { setZero64(d, dqFromPd(xmmSource<S>(s), false)); }
@inline export function CVTTPD2DQ<S>(d: Reg, s: S): void { setZero64(d, dqFromPd(xmmSource<S>(s), true)); }

/** MMX operands: an MMX register as source or destination makes the transition to MMX state, memory does not. It comes before a #XM */
@inline export function CVTPI2PS<S>(d: Reg, s: S): void {
  sseCheck();
  if (sizeof<S>() == 4) { const v = mmxSource<S>(s); mmxBegin(); setLow64(d, psFromPi(v)); }
  else setLow64(d, psFromPi(value<u64, S>(s)));
}
@inline export function CVTPI2PD<S>(d: Reg, s: S): void {
  sseCheck();
  if (sizeof<S>() == 4) { const v = mmxSource<S>(s); mmxBegin(); setXmm(d, integersToDoubles(v)); }
  else setXmm(d, integersToDoubles(value<u64, S>(s)));
}
@inline export function CVTPS2PI<S>(d: Reg, s: S): void {
  sseCheck();
  mmxCheck();
  const v = value<u64, S>(s);
  mmxBegin();
  setMmx(d, piFromPs(v, false));
}
@inline export function CVTTPS2PI<S>(d: Reg, s: S): void {
  sseCheck();
  mmxCheck();
  const v = value<u64, S>(s);
  mmxBegin();
  setMmx(d, piFromPs(v, true));
}
@inline export function CVTPD2PI<S>(d: Reg, s: S): void {
  sseCheck();
  mmxCheck();
  const v = xmmSource<S>(s);
  mmxBegin();
  setMmx(d, dqFromPd(v, false));
}
@inline export function CVTTPD2PI<S>(d: Reg, s: S): void {
  sseCheck();
  mmxCheck();
  const v = xmmSource<S>(s);
  mmxBegin();
  setMmx(d, dqFromPd(v, true));
}
