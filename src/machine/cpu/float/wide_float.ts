// SPDX-License-Identifier: LGPL-2.1-only
// Floating point with 128-bit significands for the x87's transcendental functions: truncating, relative error a few 2^-127.
// A number lies in memory: u64 high @0 (bit 63 set unless the number is 0), u64 low @8, i32 exponent @16, u32 sign @20.
import { mulHigh, divide128, INTEGER_BIT } from './soft_float';

/** Bytes of a number. */
@inline export const WIDE: usize = 32;
@inline export function high(p: usize): u64 { return load<u64>(p); }
@inline export function low(p: usize): u64 { return load<u64>(p, 8); }
@inline export function exponent(p: usize): i32 { return load<i32>(p, 16); }
@inline export function sign(p: usize): u32 { return load<u32>(p, 20); }

/** Sets, copies, changes the sign of a number. */
export function wideSet(p: usize, h: u64, l: u64, e: i32, s: u32): void {
  store<u64>(p, h);
  store<u64>(p, l, 8);
  store<i32>(p, e, 16);
  store<u32>(p, s, 20);
}
export function wideCopy(d: usize, p: usize): void { wideSet(d, high(p), low(p), exponent(p), sign(p)); }
export function wideNegate(p: usize): void { store<u32>(p, sign(p) ^ 1, 20); }
/** p := a small integer. */
export function wideInteger(p: usize, v: i32): void {
  const m = <u64>(v < 0 ? -v : v);
  if (!m) { wideSet(p, 0, 0, 0, 0); return; }
  const n = <i32>clz<u64>(m);
  wideSet(p, m << n, 0, 63 - n, u32(v < 0));
}
/** Stores h:l × 2^(e − 127), normalised. */
function put(d: usize, h: u64, l: u64, e: i32, s: u32): void {
  if (!h) { h = l; l = 0; e -= 64; }
  if (!h) { wideSet(d, 0, 0, 0, 0); return; }
  const n = <i32>clz<u64>(h);
  if (n) { h = h << n | l >> (64 - n); l <<= n; }
  wideSet(d, h, l, e - n, s);
}

/** d := a × b */
export function wideMultiply(d: usize, a: usize, b: usize): void {
  const ah = high(a), al = low(a), bh = high(b), bl = low(b);
  if (!ah || !bh) { wideSet(d, 0, 0, 0, 0); return; }
  let l = ah * bh, h = mulHigh(ah, bh);
  const x = mulHigh(ah, bl), y = mulHigh(al, bh);
  l += x; h += u64(l < x);
  l += y; h += u64(l < y);
  put(d, h, l, exponent(a) + exponent(b) + 1, sign(a) ^ sign(b));
}
/** d := a + b, or a − b when `negate` is 1 */
export function wideAdd(d: usize, a: usize, b: usize, negate: u32): void {
  let sa = sign(a), sb = sign(b) ^ negate;
  if (!high(b)) { wideCopy(d, a); return; }
  if (!high(a)) { wideSet(d, high(b), low(b), exponent(b), sb); return; }
  let big = a, small = b;
  if (exponent(b) > exponent(a) || (exponent(b) == exponent(a) && (high(b) > high(a) || (high(b) == high(a) && low(b) > low(a))))) {
    big = b; small = a;
    const t = sa; sa = sb; sb = t;
  }
  const n = <u32>(exponent(big) - exponent(small)), e = exponent(big);
  let h = high(small), l = low(small);
  // what is shifted out counts as one unit, so that 1 − tiny stays below 1
  if (n >= 128) { h = 0; l = 1; }
  else if (n >= 64) { l = h >> (n - 64); h = 0; }
  else if (n) { l = l >> n | h << (64 - n); h >>= n; }
  const bh = high(big), bl = low(big);
  if (sa == sb) {
    const sl = bl + l, c = u64(sl < l), sh = bh + h + c;
    if (sh < bh || (c && sh == bh)) put(d, INTEGER_BIT | sh >> 1, sl >> 1 | sh << 63, e + 1, sa);
    else put(d, sh, sl, e, sa);
  } else put(d, bh - h - u64(bl < l), bl - l, e, sa);
}
/** d := a / k for a small k */
export function wideDivideSmall(d: usize, a: usize, k: u32): void {
  const h = high(a), l = low(a), v = <u64>k, n = <i32>clz<u64>(v), q = h / v, r = h - q * v;
  put(d, q, divide128(r << n | l >> (64 - n), l << n, v << n), exponent(a), sign(a));
}
/** d := a / b */
export function wideDivide(d: usize, a: usize, b: usize): void {
  const bh = high(b), bl = low(b);
  let h = high(a), l = low(a), e = exponent(a) - exponent(b) - 1;
  if (!h) { wideSet(d, 0, 0, 0, 0); return; }
  // numerator below denominator, so that the quotient is a fraction
  if (h > bh || (h == bh && l >= bl)) { l = l >> 1 | h << 63; h >>= 1; e++; }
  let q: u64 = h >= bh ? 0xffffffffffffffff : divide128(h, l, bh);
  // remainder h:l:0 − q × b in 192 bits
  const c0 = q * bh, c1 = mulHigh(q, bh), d0 = q * bl, d1 = mulHigh(q, bl), mid = c0 + d1, top = c1 + u64(mid < c0);
  let r0 = 0 - d0, r1 = l - mid - u64(d0 != 0), r2 = <i64>(h - top - u64(l < mid || (l == mid && d0 != 0)));
  while (r2 < 0) {
    q--;
    r0 += bl;
    const carry = u64(r0 < bl), s = r1 + bh, c = u64(s < bh);
    r1 = s + carry;
    r2 += i64(c + u64(r1 < s));
  }
  put(d, q, r1 >= bh ? 0xffffffffffffffff : divide128(r1, r0, bh), e, sign(a) ^ sign(b));
}
