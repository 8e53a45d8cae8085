// SPDX-License-Identifier: LGPL-2.1-only
// Packed and scalar floating-point operations on values: WebAssembly's own arithmetic where it cannot differ, soft float elsewhere.
// The fast way needs masked exceptions, round to nearest, no DAZ/FTZ, and numbers that are normal or zero before and after; then only
// the sticky inexact flag can change. With that flag not yet set, soft float computes products, quotients and roots, and sets it.
import { MXCSR } from '../generated/layout';
import {
  beginFloat, endFloat, arithmetic32, arithmetic64, compare32, compare64, extreme32, extreme64, holds, isQuiet, OP_ADD, OP_SUB, OP_MUL,
  OP_DIV,
} from './sse_float';
import { PE } from '../float/soft_float';
import { wide, lowOf, highOf } from './simd_access';
import { MAGNITUDE32, MAGNITUDE64 } from "../float/float_formats";
import { Mxcsr } from "../generated/architecture";

@inline function lane32(v: v128, i: u32): u32 { return <u32>((i < 2 ? lowOf(v) : highOf(v)) >> ((i & 1) << 5)); }
@inline function join32(a: u32, b: u32, c: u32, d: u32): v128 { return wide(<u64>a | <u64>b << 32, <u64>c | <u64>d << 32); }

/** All ones in lanes that are zero or normal. */
@inline export function tame32(v: v128): v128 {
  const m = v128.and(v, i32x4.splat(0x7fffffff));
  return v128.or(i32x4.lt_u(i32x4.sub(m, i32x4.splat(0x00800000)), i32x4.splat(0x7f000000)), i32x4.eq(m, i32x4.splat(0)));
}
@inline function normal32(v: v128): v128 {
  return i32x4.lt_u(i32x4.sub(v128.and(v, i32x4.splat(0x7fffffff)), i32x4.splat(0x00800000)), i32x4.splat(0x7f000000));
}
/** Results that cannot have been tiny: above the smallest normal number, to which a tiny one may have been rounded. */
@inline function large32(v: v128): v128 {
  return i32x4.lt_u(i32x4.sub(v128.and(v, i32x4.splat(0x7fffffff)), i32x4.splat(0x00800001)), i32x4.splat(0x7effffff));
}
@inline function large64(v: v128): v128 {
  const m = v128.and(v, i64x2.splat(0x7fffffffffffffff));
  return v128.and(i64x2.gt_s(m, i64x2.splat(0x0010000000000000)), i64x2.lt_s(m, i64x2.splat(0x7ff0000000000000)));
}
@inline function normal64(v: v128): v128 {
  const m = v128.and(v, i64x2.splat(0x7fffffffffffffff));
  return v128.and(i64x2.ge_s(m, i64x2.splat(0x0010000000000000)), i64x2.lt_s(m, i64x2.splat(0x7ff0000000000000)));
}
@inline function zero32(v: v128): v128 { return i32x4.eq(v128.and(v, i32x4.splat(0x7fffffff)), i32x4.splat(0)); }
@inline function zero64(v: v128): v128 { return i64x2.eq(v128.and(v, i64x2.splat(0x7fffffffffffffff)), i64x2.splat(0)); }
@inline function tame64(v: v128): v128 { return v128.or(normal64(v), zero64(v)); }

/** MXCSR without the exception flags. */
@inline const BESIDES_FLAGS: u32 = Mxcsr.DenormalsAreZeros | Mxcsr.Masks | Mxcsr.RoundingControl | Mxcsr.FlushToZero;
/** MXCSR: all masked, nearest, no DAZ/FTZ. */
@inline export function plain(m: u32): bool { return (m & BESIDES_FLAGS) == Mxcsr.Masks; }

/** Sum with its inexactness (Knuth's two-sum), for tame lanes. */
@inline function noteSum32(m: u32, a: v128, b: v128, r: v128): void {
  if (m & PE) return;
  const t = f32x4.sub(r, a), e = f32x4.add(f32x4.sub(a, f32x4.sub(r, t)), f32x4.sub(b, t));
  if (v128.any_true(f32x4.ne(e, f32x4.splat(0)))) store<u32>(MXCSR, m | PE);
}
@inline function noteSum64(m: u32, a: v128, b: v128, r: v128): void {
  if (m & PE) return;
  const t = f64x2.sub(r, a), e = f64x2.add(f64x2.sub(a, f64x2.sub(r, t)), f64x2.sub(b, t));
  if (v128.any_true(f64x2.ne(e, f64x2.splat(0)))) store<u32>(MXCSR, m | PE);
}

/** Four single-precision lanes; op as in sse_float. `mixed` = ADDSUBPS: op in odd lanes, subtraction in even ones. */
function soft32(op: u32, a: v128, b: v128, mixed: bool): v128 {
  const even = mixed ? OP_SUB : op;
  beginFloat();
  const r0 = arithmetic32(even, lane32(a, 0), lane32(b, 0)), r1 = arithmetic32(op, lane32(a, 1), lane32(b, 1));
  const r2 = arithmetic32(even, lane32(a, 2), lane32(b, 2)), r3 = arithmetic32(op, lane32(a, 3), lane32(b, 3));
  endFloat();
  return join32(r0, r1, r2, r3);
}
function soft64(op: u32, a: v128, b: v128, mixed: bool): v128 {
  beginFloat();
  const r0 = arithmetic64(mixed ? OP_SUB : op, lowOf(a), lowOf(b)), r1 = arithmetic64(op, highOf(a), highOf(b));
  endFloat();
  return wide(r0, r1);
}

/** a op b in four lanes (OP_SQRT: of b). Raises #XM before anything changes but MXCSR. */
export function packed32(op: u32, a: v128, b: v128): v128 {
  const m = load<u32>(MXCSR);
  if (plain(m)) {
    if (op <= OP_SUB) {
      const c = op == OP_SUB ? v128.xor(b, i32x4.splat(0x80000000)) : b, r = f32x4.add(a, c);
      if (i32x4.all_true(v128.and(v128.and(tame32(a), tame32(b)), tame32(r)))) { noteSum32(m, a, c, r); return r; }
    } else if (m & PE) {
      if (op == OP_MUL) {
        const r = f32x4.mul(a, b);
        if (i32x4.all_true(v128.and(v128.and(tame32(a), tame32(b)), v128.or(large32(r), v128.or(zero32(a), zero32(b)))))) return r;
      } else if (op == OP_DIV) {
        const r = f32x4.div(a, b);
        if (i32x4.all_true(v128.and(v128.and(tame32(a), normal32(b)), v128.or(large32(r), zero32(a))))) return r;
      } else {
        const r = f32x4.sqrt(b);
        if (i32x4.all_true(v128.and(tame32(b), tame32(r)))) return r;
      }
    }
  }
  return soft32(op, a, b, false);
}
export function packed64(op: u32, a: v128, b: v128): v128 {
  const m = load<u32>(MXCSR);
  if (plain(m)) {
    if (op <= OP_SUB) {
      const c = op == OP_SUB ? v128.xor(b, i64x2.splat(<i64>0x8000000000000000)) : b, r = f64x2.add(a, c);
      if (i64x2.all_true(v128.and(v128.and(tame64(a), tame64(b)), tame64(r)))) { noteSum64(m, a, c, r); return r; }
    } else if (m & PE) {
      if (op == OP_MUL) {
        const r = f64x2.mul(a, b);
        if (i64x2.all_true(v128.and(v128.and(tame64(a), tame64(b)), v128.or(large64(r), v128.or(zero64(a), zero64(b)))))) return r;
      } else if (op == OP_DIV) {
        const r = f64x2.div(a, b);
        if (i64x2.all_true(v128.and(v128.and(tame64(a), normal64(b)), v128.or(large64(r), zero64(a))))) return r;
      } else {
        const r = f64x2.sqrt(b);
        if (i64x2.all_true(v128.and(tame64(b), tame64(r)))) return r;
      }
    }
  }
  return soft64(op, a, b, false);
}
/** ADDSUBPS, ADDSUBPD: even lanes a − b, odd lanes a + b. */
export function addSub32(a: v128, b: v128): v128 {
  const m = load<u32>(MXCSR), c = v128.xor(b, i64x2.splat(0x80000000)), r = f32x4.add(a, c);
  if (plain(m) && i32x4.all_true(v128.and(v128.and(tame32(a), tame32(b)), tame32(r)))) { noteSum32(m, a, c, r); return r; }
  return soft32(OP_ADD, a, b, true);
}
export function addSub64(a: v128, b: v128): v128 {
  const m = load<u32>(MXCSR), c = v128.xor(b, wide(0x8000000000000000, 0)), r = f64x2.add(a, c);
  if (plain(m) && i64x2.all_true(v128.and(v128.and(tame64(a), tame64(b)), tame64(r)))) { noteSum64(m, a, c, r); return r; }
  return soft64(OP_ADD, a, b, true);
}

/** The same tests of one lane. */
@inline export function isNormal32(v: u32): bool { return (v & MAGNITUDE32) - 0x00800000 < 0x7f000000; }
@inline export function isNormal64(v: u64): bool { return (v & MAGNITUDE64) - 0x0010000000000000 < 0x7fe0000000000000; }
@inline export function isLarge32(v: u32): bool { return (v & MAGNITUDE32) - 0x00800001 < 0x7effffff; }
@inline export function isLarge64(v: u64): bool { return (v & MAGNITUDE64) - 0x0010000000000001 < 0x7fdfffffffffffff; }
@inline export function isTame32(v: u32): bool { return isNormal32(v) || !(v << 1); }
@inline export function isTame64(v: u64): bool { return isNormal64(v) || !(v << 1); }

/** One lane. */
export function scalar32(op: u32, x: u32, y: u32): u32 {
  const m = load<u32>(MXCSR);
  if (plain(m) && isTame32(x) && isTame32(y)) {
    const a = reinterpret<f32>(x), b = reinterpret<f32>(y);
    // a double holds a product exactly, and the sum unless the exponents are far apart
    if (op == OP_MUL) {
      const w = <f64>a * <f64>b, r = <f32>w, v = reinterpret<u32>(r);
      if (isLarge32(v) || w == 0) { if (<f64>r != w && !(m & PE)) store<u32>(MXCSR, m | PE); return v; }
    } else if (op <= OP_SUB) {
      const c = op == OP_SUB ? -b : b, r = a + c, v = reinterpret<u32>(r);
      if (isTame32(v)) {
        if (!(m & PE)) { const t = r - a; if ((a - (r - t)) + (c - t) != 0) store<u32>(MXCSR, m | PE); }
        return v;
      }
    } else if (m & PE) {
      const v = reinterpret<u32>(op == OP_DIV ? a / b : sqrt<f32>(b));
      if (isLarge32(v)) return v;
    }
  }
  beginFloat();
  const r = arithmetic32(op, x, y);
  endFloat();
  return r;
}
export function scalar64(op: u32, x: u64, y: u64): u64 {
  const m = load<u32>(MXCSR);
  if (plain(m) && isTame64(x) && isTame64(y)) {
    const a = reinterpret<f64>(x), b = reinterpret<f64>(y);
    if (op <= OP_SUB) {
      const c = op == OP_SUB ? -b : b, r = a + c, v = reinterpret<u64>(r);
      if (isTame64(v)) {
        if (!(m & PE)) { const t = r - a; if ((a - (r - t)) + (c - t) != 0) store<u32>(MXCSR, m | PE); }
        return v;
      }
    } else if (m & PE) {
      const v = reinterpret<u64>(op == OP_MUL ? a * b : op == OP_DIV ? a / b : sqrt<f64>(b));
      if (isLarge64(v) || (op == OP_MUL && (a == 0 || b == 0))) return v;
    }
  }
  beginFloat();
  const r = arithmetic64(op, x, y);
  endFloat();
  return r;
}

/** MINPS … MAXPD. */
export function extremes32(max: bool, a: v128, b: v128): v128 {
  if (i32x4.all_true(v128.and(tame32(a), tame32(b))))
    return max ? v128.bitselect(a, b, f32x4.gt(a, b)) : v128.bitselect(a, b, f32x4.lt(a, b));
  beginFloat();
  const r0 = extreme32(max, lane32(a, 0), lane32(b, 0)), r1 = extreme32(max, lane32(a, 1), lane32(b, 1));
  const r2 = extreme32(max, lane32(a, 2), lane32(b, 2)), r3 = extreme32(max, lane32(a, 3), lane32(b, 3));
  endFloat();
  return join32(r0, r1, r2, r3);
}
export function extremes64(max: bool, a: v128, b: v128): v128 {
  if (i64x2.all_true(v128.and(tame64(a), tame64(b))))
    return max ? v128.bitselect(a, b, f64x2.gt(a, b)) : v128.bitselect(a, b, f64x2.lt(a, b));
  beginFloat();
  const r0 = extreme64(max, lowOf(a), lowOf(b)), r1 = extreme64(max, highOf(a), highOf(b));
  endFloat();
  return wide(r0, r1);
}
export function scalarExtreme32(max: bool, a: u32, b: u32): u32 { beginFloat(); const r = extreme32(max, a, b); endFloat(); return r; }
export function scalarExtreme64(max: bool, a: u64, b: u64): u64 { beginFloat(); const r = extreme64(max, a, b); endFloat(); return r; }

@inline function mask32(p: u32, x: u32, y: u32): u32 { return holds(p, compare32(x, y, isQuiet(p))) ? 0xffffffff : 0; }
@inline function mask64(p: u32, x: u64, y: u64): u64 { return holds(p, compare64(x, y, isQuiet(p))) ? 0xffffffffffffffff : 0; }
/** The predicates 4 to 7 are the opposites of 0 to 3. */
@inline const NOT: u32 = 4;
/** CMPPS, CMPPD, CMPSS, CMPSD with predicate 0–7. Of tame lanes none is unordered, and nothing is raised. */
export function compares32(p: u32, a: v128, b: v128): v128 {
  if (i32x4.all_true(v128.and(tame32(a), tame32(b)))) {
    const q = p & 3, r = q == 0 ? f32x4.eq(a, b) : q == 1 ? f32x4.lt(a, b) : q == 2 ? f32x4.le(a, b) : i64x2.splat(0);
    return p & NOT ? v128.not(r) : r;
  }
  beginFloat();
  const r0 = mask32(p, lane32(a, 0), lane32(b, 0)), r1 = mask32(p, lane32(a, 1), lane32(b, 1));
  const r2 = mask32(p, lane32(a, 2), lane32(b, 2)), r3 = mask32(p, lane32(a, 3), lane32(b, 3));
  endFloat();
  return join32(r0, r1, r2, r3);
}
export function compares64(p: u32, a: v128, b: v128): v128 {
  if (i64x2.all_true(v128.and(tame64(a), tame64(b)))) {
    const q = p & 3, r = q == 0 ? f64x2.eq(a, b) : q == 1 ? f64x2.lt(a, b) : q == 2 ? f64x2.le(a, b) : i64x2.splat(0);
    return p & NOT ? v128.not(r) : r;
  }
  beginFloat();
  const r0 = mask64(p, lowOf(a), lowOf(b)), r1 = mask64(p, highOf(a), highOf(b));
  endFloat();
  return wide(r0, r1);
}
export function scalarCompare32(p: u32, a: u32, b: u32): u32 { beginFloat(); const r = mask32(p, a, b); endFloat(); return r; }
export function scalarCompare64(p: u32, a: u64, b: u64): u64 { beginFloat(); const r = mask64(p, a, b); endFloat(); return r; }
