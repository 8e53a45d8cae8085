// SPDX-License-Identifier: LGPL-2.1-only
// SSE and SSE2 floating-point instructions. SDM 2 "ADDPS" … "SQRTSD", "MINPS" …, "CMPPS" …, "COMISS", "UCOMISD", "RCPPS", "RSQRTPS".
import {
  xmm, setXmm, xmmSource, xmmSource32, xmmSource64, low32, low64, setLow32, setLow64, wide,
} from "./simd_access";
import {
  packed32, packed64, scalar32, scalar64, extremes32, extremes64, scalarExtreme32, scalarExtreme64, compares32,
  compares64, scalarCompare32, scalarCompare64,
} from "./sse_packed";
import { beginFloat, endFloat, compare32, compare64, OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_SQRT } from "./sse_float";
import { isNan32, QUIET32, NAN32, EXPONENT32, SIGN32 } from "../float/float_formats";
import { Reg } from "../state/registers";
import { relationFlags } from "../float/relation";

/** ADDPS, ADDPD, ADDSS, ADDSD: DEST + SRC */
@inline export function ADDPS<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, packed32(OP_ADD, xmm(d), b)); }
@inline export function ADDPD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, packed64(OP_ADD, xmm(d), b)); }
@inline export function ADDSS<S>(d: Reg, s: S): void { const b = xmmSource32<S>(s); setLow32(d, scalar32(OP_ADD, low32(d), b)); }
@inline export function ADDSD<S>(d: Reg, s: S): void { const b = xmmSource64<S>(s); setLow64(d, scalar64(OP_ADD, low64(d), b)); }

/** SUBPS, SUBPD, SUBSS, SUBSD: DEST − SRC */
@inline export function SUBPS<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, packed32(OP_SUB, xmm(d), b)); }
@inline export function SUBPD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, packed64(OP_SUB, xmm(d), b)); }
@inline export function SUBSS<S>(d: Reg, s: S): void { const b = xmmSource32<S>(s); setLow32(d, scalar32(OP_SUB, low32(d), b)); }
@inline export function SUBSD<S>(d: Reg, s: S): void { const b = xmmSource64<S>(s); setLow64(d, scalar64(OP_SUB, low64(d), b)); }

/** MULPS, MULPD, MULSS, MULSD: DEST × SRC */
@inline export function MULPS<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, packed32(OP_MUL, xmm(d), b)); }
@inline export function MULPD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, packed64(OP_MUL, xmm(d), b)); }
@inline export function MULSS<S>(d: Reg, s: S): void { const b = xmmSource32<S>(s); setLow32(d, scalar32(OP_MUL, low32(d), b)); }
@inline export function MULSD<S>(d: Reg, s: S): void { const b = xmmSource64<S>(s); setLow64(d, scalar64(OP_MUL, low64(d), b)); }

/** DIVPS, DIVPD, DIVSS, DIVSD: DEST / SRC */
@inline export function DIVPS<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, packed32(OP_DIV, xmm(d), b)); }
@inline export function DIVPD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, packed64(OP_DIV, xmm(d), b)); }
@inline export function DIVSS<S>(d: Reg, s: S): void { const b = xmmSource32<S>(s); setLow32(d, scalar32(OP_DIV, low32(d), b)); }
@inline export function DIVSD<S>(d: Reg, s: S): void { const b = xmmSource64<S>(s); setLow64(d, scalar64(OP_DIV, low64(d), b)); }

/** SQRTPS, SQRTPD, SQRTSS, SQRTSD: square root of SRC */
@inline export function SQRTPS<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, packed32(OP_SQRT, xmm(d), b)); }
@inline export function SQRTPD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, packed64(OP_SQRT, xmm(d), b)); }
@inline export function SQRTSS<S>(d: Reg, s: S): void { const b = xmmSource32<S>(s); setLow32(d, scalar32(OP_SQRT, b, b)); }
@inline export function SQRTSD<S>(d: Reg, s: S): void { const b = xmmSource64<S>(s); setLow64(d, scalar64(OP_SQRT, b, b)); }

/** MINPS …: SRC when either is a NaN or both are zeros */
@inline export function MINPS<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, extremes32(false, xmm(d), b)); }
@inline export function MINPD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, extremes64(false, xmm(d), b)); }
@inline export function MINSS<S>(d: Reg, s: S): void { const b = xmmSource32<S>(s); setLow32(d, scalarExtreme32(false, low32(d), b)); }
@inline export function MINSD<S>(d: Reg, s: S): void { const b = xmmSource64<S>(s); setLow64(d, scalarExtreme64(false, low64(d), b)); }

/** MAXPS …: SRC when either is a NaN or both are zeros */
@inline export function MAXPS<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, extremes32(true, xmm(d), b)); }
@inline export function MAXPD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, extremes64(true, xmm(d), b)); }
@inline export function MAXSS<S>(d: Reg, s: S): void { const b = xmmSource32<S>(s); setLow32(d, scalarExtreme32(true, low32(d), b)); }
@inline export function MAXSD<S>(d: Reg, s: S): void { const b = xmmSource64<S>(s); setLow64(d, scalarExtreme64(true, low64(d), b)); }

/** CMPPS …: all ones where the predicate (low three bits of the immediate) holds */
@inline export function CMPPS<S>(d: Reg, s: S, imm: u32): void { const b = xmmSource<S>(s); setXmm(d, compares32(imm & 7, xmm(d), b)); }
@inline export function CMPPD<S>(d: Reg, s: S, imm: u32): void { const b = xmmSource<S>(s); setXmm(d, compares64(imm & 7, xmm(d), b)); }
@inline export function CMPSSX<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmSource32<S>(s);
  setLow32(d, scalarCompare32(imm & 7, low32(d), b));
}
@inline export function CMPSDX<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmSource64<S>(s);
  setLow64(d, scalarCompare64(imm & 7, low64(d), b));
}

function orderedFlags32(a: u32, b: u32, quiet: bool): void { beginFloat(); const r = compare32(a, b, quiet); endFloat(); relationFlags(r); }
function orderedFlags64(a: u64, b: u64, quiet: bool): void { beginFloat(); const r = compare64(a, b, quiet); endFloat(); relationFlags(r); }
/** COMISS, COMISD (invalid for every NaN), UCOMISS, UCOMISD (only for signalling ones) */
@inline export function COMISS<S>(d: Reg, s: S): void { const b = xmmSource32<S>(s); orderedFlags32(low32(d), b, false); }
@inline export function COMISD<S>(d: Reg, s: S): void { const b = xmmSource64<S>(s); orderedFlags64(low64(d), b, false); }
@inline export function UCOMISS<S>(d: Reg, s: S): void { const b = xmmSource32<S>(s); orderedFlags32(low32(d), b, true); }
@inline export function UCOMISD<S>(d: Reg, s: S): void { const b = xmmSource64<S>(s); orderedFlags64(low64(d), b, true); }

/** Single precision with a significand of 12 bits: the bits that are kept, and half of the last one. */
@inline const KEPT: u32 = 0xfffff800;
@inline const HALF_OF_LAST: u32 = 0x400;
/**
 * Approximations with relative error < 1.5 × 2^-12, as the manual promises; no exceptions, denormals count as zero, tiny results are 0.
 * The exact bits differ between processors. Here: the correctly rounded quotient, its significand rounded to 12 bits.
 */
function shorten(v: f32): u32 {
  const r = reinterpret<u32>(v);
  if ((r & EXPONENT32) == 0) return r & SIGN32;
  return (r & EXPONENT32) == EXPONENT32 ? r : (r + HALF_OF_LAST) & KEPT;
}
function approximate(v: u32, root: bool): u32 {
  if (isNan32(v)) return v | QUIET32;
  const flushed = v & EXPONENT32 ? v : v & SIGN32, x = reinterpret<f32>(flushed);
  if (root) {
    if (flushed >> 31 && flushed << 1) return NAN32;
    return shorten(<f32>(1 / sqrt<f64>(<f64>x)));
  }
  return shorten(1 / x);
}
function approximates(v: v128, root: bool): v128 {
  return wide(
    <u64>approximate(<u32>i32x4.extract_lane(v, 0), root) | <u64>approximate(<u32>i32x4.extract_lane(v, 1), root) << 32,
    <u64>approximate(<u32>i32x4.extract_lane(v, 2), root) | <u64>approximate(<u32>i32x4.extract_lane(v, 3), root) << 32,
  );
}
/** RCPPS, RCPSS, RSQRTPS, RSQRTSS */
@inline export function RCPPS<S>(d: Reg, s: S): void { setXmm(d, approximates(xmmSource<S>(s), false)); }
@inline export function RSQRTPS<S>(d: Reg, s: S): void { setXmm(d, approximates(xmmSource<S>(s), true)); }
@inline export function RCPSS<S>(d: Reg, s: S): void { setLow32(d, approximate(xmmSource32<S>(s), false)); }
@inline export function RSQRTSS<S>(d: Reg, s: S): void { setLow32(d, approximate(xmmSource32<S>(s), true)); }
