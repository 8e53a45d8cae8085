// SPDX-License-Identifier: LGPL-2.1-only
// Single and double precision: unpacking, packing, NaNs. SDM 1 "Floating-Point Data Types", "NaNs".
import {
  setA, setB, rClass, rSign, rExp, rSig, ZERO_CLASS, FINITE, INFINITE, QNAN, SNAN, INVALID, leading, INTEGER_BIT,
} from './soft_float';

/** Single precision: sign, exponent, fraction. SDM 1 "Floating-Point Data Types". */
@inline export const SIGN32: u32 = 0x80000000;
@inline export const EXPONENT32: u32 = 0x7f800000;
@inline export const FRACTION32: u32 = 0x007fffff;
@inline export const MAGNITUDE32: u32 = EXPONENT32 | FRACTION32;
/** Double precision. */
@inline export const SIGN64: u64 = 0x8000000000000000;
@inline export const EXPONENT64: u64 = 0x7ff0000000000000;
@inline export const FRACTION64: u64 = 0x000fffffffffffff;
@inline export const MAGNITUDE64: u64 = EXPONENT64 | FRACTION64;
/** The biased exponents of infinities and NaNs. */
@inline const LAST_EXPONENT32: i32 = 0xff;
@inline const LAST_EXPONENT64: i32 = 0x7ff;

/** Default NaN ("QNaN floating-point indefinite"). */
@inline export const NAN32: u32 = 0xffc00000;
@inline export const NAN64: u64 = 0xfff8000000000000;
@inline export const QUIET32: u32 = 0x00400000;
@inline export const QUIET64: u64 = 0x0008000000000000;

/** Classes by bits; a signalling NaN lacks the quiet bit. */
@inline export function isNan32(v: u32): bool { return (v & MAGNITUDE32) > EXPONENT32; }
@inline export function isNan64(v: u64): bool { return (v & MAGNITUDE64) > EXPONENT64; }
@inline export function isSignalling32(v: u32): bool { return isNan32(v) && !(v & QUIET32); }
@inline export function isSignalling64(v: u64): bool { return isNan64(v) && !(v & QUIET64); }
@inline export function isDenormal32(v: u32): bool { return (v & MAGNITUDE32) - 1 < FRACTION32; }
@inline export function isDenormal64(v: u64): bool { return (v & MAGNITUDE64) - 1 < FRACTION64; }

let uClass: u32 = 0, uExp: i32 = 0, uSig: u64 = 0;
/** Unpacks into the u* words; true when the number is a denormal that counts (not one that DAZ made zero). */
function unpack64(v: u64, daz: bool): bool {
  const e = <i32>(v >> 52) & LAST_EXPONENT64, m = v & FRACTION64;
  uSig = 0; uExp = 0;
  if (e == LAST_EXPONENT64) {
    uClass = !m ? INFINITE : m & QUIET64 ? QNAN : SNAN;
    uSig = INTEGER_BIT | m << 11; uExp = 0x4000;
    return false;
  }
  if (e) { uClass = FINITE; uExp = e - 1023; uSig = INTEGER_BIT | m << 11; return false; }
  if (!m || daz) { uClass = ZERO_CLASS; return false; }
  const n = leading(m << 11);
  uClass = FINITE; uExp = -1022 - n; uSig = m << (11 + n);
  return true;
}
function unpack32(v: u32, daz: bool): bool {
  const e = <i32>(v >> 23) & LAST_EXPONENT32, m = <u64>(v & FRACTION32) << 40;
  uSig = 0; uExp = 0;
  if (e == LAST_EXPONENT32) {
    uClass = !m ? INFINITE : v & QUIET32 ? QNAN : SNAN;
    uSig = INTEGER_BIT | m; uExp = 0x4000;
    return false;
  }
  if (e) { uClass = FINITE; uExp = e - 127; uSig = INTEGER_BIT | m; return false; }
  if (!m || daz) { uClass = ZERO_CLASS; return false; }
  const n = leading(m);
  uClass = FINITE; uExp = -126 - n; uSig = m << n;
  return true;
}
/** First / second operand of the soft-float engine := v; true when it is a denormal that counts. */
export function unpackA64(v: u64, daz: bool): bool { const d = unpack64(v, daz); setA(uClass, <u32>(v >> 63), uExp, uSig); return d; }
export function unpackB64(v: u64, daz: bool): bool { const d = unpack64(v, daz); setB(uClass, <u32>(v >> 63), uExp, uSig); return d; }
export function unpackA32(v: u32, daz: bool): bool { const d = unpack32(v, daz); setA(uClass, v >> 31, uExp, uSig); return d; }
export function unpackB32(v: u32, daz: bool): bool { const d = unpack32(v, daz); setB(uClass, v >> 31, uExp, uSig); return d; }

/** The rounded result r in double precision. */
export function pack64(): u64 {
  const s = <u64>rSign << 63;
  if (rClass == ZERO_CLASS) return s;
  if (rClass == INFINITE) return s | EXPONENT64;
  if (rClass == INVALID) return NAN64;
  return s | (<i64>rSig < 0 ? <u64>(rExp + 1023) << 52 : 0) | rSig << 1 >> 12;
}
/** The rounded result r in single precision. */
export function pack32(): u32 {
  const s = rSign << 31;
  if (rClass == ZERO_CLASS) return s;
  if (rClass == INFINITE) return s | EXPONENT32;
  if (rClass == INVALID) return NAN32;
  return s | (<i64>rSig < 0 ? <u32>(rExp + 127) << 23 : 0) | <u32>(rSig << 1 >> 41);
}
