// SPDX-License-Identifier: LGPL-2.1-only
// Exact binary floating point in integers: one engine for SSE (single, double) and x87 (double extended).
// SDM volume 1 "Floating-Point Exceptions" / "Programming with Intel SSE", "Rounding".
//
// A number is unpacked to class, sign, exponent (unbiased) and a 64-bit significand whose bit 63 is the integer bit.
// An operation leaves an exact result with a second word of lower bits (bit 0 sticky); `round` makes it fit a format.
import { FloatException } from "../generated/architecture";

/** Exception flags: the same bits in MXCSR and in the x87 status word. */
@inline export const IE: u32 = FloatException.InvalidOperation;
@inline export const DE: u32 = FloatException.DenormalOperand;
@inline export const ZE: u32 = FloatException.DivideByZero;
@inline export const OE: u32 = FloatException.Overflow;
@inline export const UE: u32 = FloatException.Underflow;
@inline export const PE: u32 = FloatException.Precision;
/** Exceptions whose unmasked response has no result of the usual kind. */
@inline export const RANGE: u32 = OE | UE;

/** Bit 63 of a significand, the integer bit. */
@inline export const INTEGER_BIT: u64 = 0x8000000000000000;

/** Classes of an unpacked number. */
@inline export const ZERO_CLASS: u32 = 0;
@inline export const FINITE: u32 = 1;
@inline export const INFINITE: u32 = 2;
@inline export const QNAN: u32 = 3;
@inline export const SNAN: u32 = 4;
/** x87 only: an encoding that the processor refuses (pseudo-NaN, pseudo-infinity, unnormal). */
@inline export const UNSUPPORTED: u32 = 5;
/** Class of a result that is the default NaN: the operation was invalid. */
@inline export const INVALID: u32 = 6;

/** Rounding control as in MXCSR and the x87 control word. */
@inline export const NEAREST: u32 = 0;
@inline export const DOWN: u32 = 1;
@inline export const UP: u32 = 2;
@inline export const TRUNCATE: u32 = 3;

/** First operand. */
export let aClass: u32 = 0, aSign: u32 = 0, aExp: i32 = 0, aSig: u64 = 0;
/** Second operand. */
export let bClass: u32 = 0, bSign: u32 = 0, bExp: i32 = 0, bSig: u64 = 0;
/** Result; before `round` rLow holds the bits below rSig. */
export let rClass: u32 = 0, rSign: u32 = 0, rExp: i32 = 0, rSig: u64 = 0, rLow: u64 = 0;
/** The last `divide` divided by zero: that has precedence over a denormal operand. */
export let dividedByZero: bool = false;
/** Exceptions raised since `clearRaised`. */
export let raised: u32 = 0;
/** The last `round` increased the magnitude (x87 C1). */
export let roundedUp: bool = false;
/** The last `round` met an unmasked overflow or underflow, so it left the exponent wrapped (x87). */
export let wrapped: bool = false;

/** Before an instruction, and what a format or instruction adds to the state of the engine. */
export function clearRaised(): void { raised = 0; roundedUp = false; wrapped = false; }
export function addRaised(flags: u32): void { raised |= flags; }
export function setRaised(flags: u32): void { raised = flags; }
export function setRoundedUp(up: bool): void { roundedUp = up; }
export function setA(c: u32, sign: u32, exp: i32, sig: u64): void { aClass = c; aSign = sign; aExp = exp; aSig = sig; }
export function setB(c: u32, sign: u32, exp: i32, sig: u64): void { bClass = c; bSign = sign; bExp = exp; bSig = sig; }
export function setR(c: u32, sign: u32, exp: i32, sig: u64): void { rClass = c; rSign = sign; rExp = exp; rSig = sig; rLow = 0; }
export function setResult(sign: u32, exp: i32, sig: u64, low: u64): void {
  rClass = FINITE;
  rSign = sign;
  rExp = exp;
  rSig = sig;
  rLow = low;
}
export function copyAtoB(): void { bClass = aClass; bSign = aSign; bExp = aExp; bSig = aSig; }
export function copyRtoA(): void { aClass = rClass; aSign = rSign; aExp = rExp; aSig = rSig; }
export function copyRtoB(): void { bClass = rClass; bSign = rSign; bExp = rExp; bSig = rSig; }

/** High half of a 64 × 64 product. */
export function mulHigh(a: u64, b: u64): u64 {
  const al = a & 0xffffffff, ah = a >> 32, bl = b & 0xffffffff, bh = b >> 32;
  const m = ah * bl + (al * bl >> 32), n = al * bh + (m & 0xffffffff);
  return ah * bh + (m >> 32) + (n >> 32);
}

/** Remainder of the last `divide128`. */
export let remainder: u64 = 0;
/** Quotient of hi:lo / d, for hi < d and bit 63 of d set (Knuth's algorithm D in base 2^32). */
export function divide128(hi: u64, lo: u64, d: u64): u64 {
  const dh = d >> 32, dl = d & 0xffffffff;
  let q1 = hi / dh, r = hi - q1 * dh;
  while (q1 >> 32 || q1 * dl > (r << 32 | lo >> 32)) { q1--; r += dh; if (r >> 32) break; }
  const mid = (hi << 32 | lo >> 32) - q1 * d;
  let q0 = mid / dh;
  r = mid - q0 * dh;
  while (q0 >> 32 || q0 * dl > (r << 32 | lo & 0xffffffff)) { q0--; r += dh; if (r >> 32) break; }
  remainder = (mid << 32 | lo & 0xffffffff) - q0 * d;
  return (q1 << 32) + q0;
}

/** Normalises a non-zero significand that has no integer bit (a denormal): returns the shift. */
@inline export function leading(sig: u64): i32 { return <i32>clz<u64>(sig); }

/** r := a + b, or a − b when `negate`; NaNs must have been dealt with. Raises IE for ∞ − ∞. */
export function add(negate: u32, rc: u32): void {
  const sb = bSign ^ negate;
  rLow = 0;
  if (aClass == INFINITE || bClass == INFINITE) {
    if (aClass == INFINITE && bClass == INFINITE && aSign != sb) { raised |= IE; rClass = INVALID; return; }
    rClass = INFINITE; rSign = aClass == INFINITE ? aSign : sb;
    return;
  }
  if (aClass == ZERO_CLASS) {
    if (bClass == ZERO_CLASS) { rClass = ZERO_CLASS; rSign = aSign == sb ? sb : u32(rc == DOWN); return; }
    setR(FINITE, sb, bExp, bSig);
    return;
  }
  if (bClass == ZERO_CLASS) { setR(FINITE, aSign, aExp, aSig); return; }
  const swap = bExp > aExp || (bExp == aExp && bSig > aSig);
  const e = swap ? bExp : aExp, big = swap ? bSig : aSig, small = swap ? aSig : bSig, d = <u32>(e - (swap ? aExp : bExp));
  let hi: u64, lo: u64;
  if (d == 0) { hi = small; lo = 0; }
  else if (d < 64) { hi = small >> d; lo = small << (64 - d); }
  else if (d == 64) { hi = 0; lo = small; }
  else if (d < 128) { hi = 0; lo = small >> (d - 64) | u64((small << (128 - d)) != 0); }
  else { hi = 0; lo = 1; }
  rClass = FINITE; rSign = swap ? sb : aSign; rExp = e;
  if (aSign == sb) {
    rSig = big + hi; rLow = lo;
    if (rSig < big) { rLow = rLow >> 1 | rLow & 1 | rSig << 63; rSig = rSig >> 1 | INTEGER_BIT; rExp++; }
    return;
  }
  rSig = big - hi - u64(lo != 0); rLow = 0 - lo;
  if (!(rSig | rLow)) { rClass = ZERO_CLASS; rSign = u32(rc == DOWN); return; }
  normalise();
}

/** Shifts rSig:rLow left until bit 63 is set. */
export function normalise(): void {
  if (!rSig) { rSig = rLow; rLow = 0; rExp -= 64; }
  const n = leading(rSig);
  if (n) { rSig = rSig << n | rLow >> (64 - n); rLow <<= n; rExp -= n; }
}

/** r := a × b. Raises IE for 0 × ∞. */
export function multiply(): void {
  const sign = aSign ^ bSign;
  rLow = 0; rSign = sign;
  if (aClass == INFINITE || bClass == INFINITE) {
    if (aClass == ZERO_CLASS || bClass == ZERO_CLASS) { raised |= IE; rClass = INVALID; } else rClass = INFINITE;
    return;
  }
  if (aClass == ZERO_CLASS || bClass == ZERO_CLASS) { rClass = ZERO_CLASS; return; }
  rClass = FINITE; rExp = aExp + bExp + 1;
  rSig = mulHigh(aSig, bSig); rLow = aSig * bSig;
  if (<i64>rSig >= 0) { rSig = rSig << 1 | rLow >> 63; rLow <<= 1; rExp--; }
}

/** r := a / b. Raises IE for 0/0 and ∞/∞, ZE for x/0. */
export function divide(): void {
  rLow = 0; rSign = aSign ^ bSign; dividedByZero = false;
  if (aClass == INFINITE) {
    if (bClass == INFINITE) { raised |= IE; rClass = INVALID; } else rClass = INFINITE;
    return;
  }
  if (bClass == INFINITE) { rClass = ZERO_CLASS; return; }
  if (bClass == ZERO_CLASS) {
    if (aClass == ZERO_CLASS) { raised |= IE; rClass = INVALID; } else { raised |= ZE; rClass = INFINITE; dividedByZero = true; }
    return;
  }
  if (aClass == ZERO_CLASS) { rClass = ZERO_CLASS; return; }
  rClass = FINITE;
  if (aSig >= bSig) { rExp = aExp - bExp; rSig = divide128(aSig >> 1, aSig << 63, bSig); }
  else { rExp = aExp - bExp - 1; rSig = divide128(aSig, 0, bSig); }
  const rem = remainder;
  if (rem) { const half = rem >= bSig - rem; rLow = (u64(half) << 63) | u64(rem != bSig - rem || !half); }
}

/** r := square root of a. Raises IE for a negative number. */
export function squareRoot(): void {
  rLow = 0; rSign = aSign;
  if (aClass == ZERO_CLASS) { rClass = ZERO_CLASS; return; }
  if (aSign) { raised |= IE; rClass = INVALID; return; }
  rClass = aClass;
  if (aClass == INFINITE) return;
  const odd = aExp & 1;
  rExp = (aExp - odd) >> 1;
  const hi = odd ? aSig : aSig >> 1, lo: u64 = odd ? 0 : aSig << 63;
  // Zimmermann's method: root of the high word, then one division for the other 32 bits
  let s1 = <u64>sqrt<f64>(<f64>hi);
  while (s1 >> 32 || s1 * s1 > hi) s1--;
  while ((s1 + 1) >> 32 == 0 && (s1 + 1) * (s1 + 1) <= hi) s1++;
  const r1 = hi - s1 * s1, l1 = lo >> 32, n = r1 << 31 | l1 >> 1;
  const q = n / s1, u = (n - q * s1) << 1 | l1 & 1;
  let s = (s1 << 32) + q;
  const below = u << 32 | lo & 0xffffffff, q2 = q >> 32 ? 0 : q * q;
  let rl = below - q2, rh = <i64>(u >> 32) - <i64>(q >> 32) - i64(below < q2);
  if (rh < 0) {
    s--;
    const t = s << 1 | 1;
    rl += t;
    rh += <i64>(s >> 63) + i64(rl < t);
  }
  rSig = s;
  if (rl | <u64>rh) rLow = (u64(rh > 0 || rl > s) << 63) | 1;
}

/** Whether a magnitude with these discarded bits is rounded up; `rest` is left-aligned, its bit 63 worth one half. */
@inline function roundsUp(rest: u64, odd: u64, sign: u32, rc: u32): bool {
  if (!rest) return false;
  if (rc == NEAREST) return rest > 0x8000000000000000 || (rest == 0x8000000000000000 && odd != 0);
  return rc == DOWN ? sign != 0 : rc == UP ? sign == 0 : false;
}

/** Bits that `cut` discarded, left-aligned and sticky. */
let cutRest: u64 = 0;
/** The top `precision` bits of rSig:rLow; the rest goes to cutRest. */
@inline function cut(sig: u64, low: u64, precision: u32): u64 {
  if (precision == 64) { cutRest = low; return sig; }
  cutRest = sig << precision | u64(low != 0);
  return sig >> (64 - precision) << (64 - precision);
}

/**
 * Rounds the finite result r to `precision` bits with exponents minExp..maxExp, raises OE, UE, PE.
 * `unmasked` = the unmasked exceptions; with UE or OE among them the exponent is wrapped by `wrap` (0: the format is SSE's, the result is
 * not used) and `wrapped` set, unless that is not enough (FSCALE): then the result is 0 or infinite.
 * Tininess is detected after rounding. Afterwards rClass is FINITE (denormal: bit 63 clear at minExp), ZERO_CLASS or INFINITE.
 */
export function round(precision: u32, minExp: i32, maxExp: i32, rc: u32, unmasked: u32, flushToZero: bool, wrap: i32): void {
  const ulp: u64 = <u64>1 << (64 - precision);
  let sig = cut(rSig, rLow, precision), e = rExp;
  let rest = cutRest, up = roundsUp(rest, sig & ulp, rSign, rc);
  if (up) { sig += ulp; if (sig < ulp) { sig = 0x8000000000000000; e++; } }
  if (e < minExp) {
    if (unmasked & UE && (!wrap || e + wrap >= minExp)) { raised |= UE; e += wrap; wrapped = true; }
    else if (flushToZero || unmasked & UE) { raised |= UE | PE; rClass = ZERO_CLASS; rSig = 0; return; }
    else {
      const n = <u32>(minExp - rExp);
      let hi: u64, lo: u64;
      if (n < 64) { hi = rSig >> n; lo = rSig << (64 - n) | rLow >> n | u64((rLow << (64 - n)) != 0); }
      else if (n == 64) { hi = 0; lo = rSig | u64(rLow != 0); }
      else if (n < 128) { hi = 0; lo = rSig >> (n - 64) | u64((rSig << (128 - n) | rLow) != 0); }
      else { hi = 0; lo = 1; }
      sig = cut(hi, lo, precision); rest = cutRest; e = minExp;
      up = roundsUp(rest, sig & ulp, rSign, rc);
      if (up) sig += ulp;
      if (rest) raised |= UE;
    }
  } else if (e > maxExp) {
    raised |= OE;
    if (unmasked & OE && (!wrap || e - wrap <= maxExp)) { e -= wrap; wrapped = true; }
    else {
      raised |= PE;
      const infinite = (unmasked & OE) != 0 || rc == NEAREST || (rc == DOWN && rSign != 0) || (rc == UP && rSign == 0);
      roundedUp = infinite;
      rLow = 0;
      if (infinite) { rClass = INFINITE; return; }
      rExp = maxExp; rSig = 0 - ulp;
      return;
    }
  }
  if (rest) raised |= PE;
  roundedUp = up;
  rSig = sig; rExp = e; rLow = 0;
  if (!sig) rClass = ZERO_CLASS;
}

/**
 * Rounds the finite a to an integer of `bits` bits (two's complement), raises PE, or IE when it does not fit; `integerFits` says which.
 * The result is the integer, or 1 << (bits − 1) ("integer indefinite"), sign-extended.
 */
export function toInteger(bits: u32, rc: u32): i64 {
  const indefinite = <i64>-1 << (bits - 1);
  roundedUp = false;
  if (aClass == ZERO_CLASS) return 0;
  if (aClass != FINITE || aExp > 63) { raised |= IE; return indefinite; }
  let whole: u64, rest: u64;
  if (aExp < -1) { whole = 0; rest = 1; }
  else if (aExp == -1) { whole = 0; rest = aSig; }
  else if (aExp == 63) { whole = aSig; rest = 0; }
  else { whole = aSig >> (63 - aExp); rest = aSig << (aExp + 1); }
  const up = roundsUp(rest, whole & 1, aSign, rc);
  if (up) { whole++; if (!whole) { raised |= IE; return indefinite; } }
  const limit = <u64>1 << (bits - 1);
  if (aSign ? whole > limit : whole >= limit) { raised |= IE; return indefinite; }
  if (rest) raised |= PE;
  roundedUp = up;
  return aSign ? -<i64>whole : <i64>whole;
}

/** r := the integer v, exactly. */
export function fromInteger(v: i64): void {
  rLow = 0; rSign = u32(v < 0);
  if (!v) { rClass = ZERO_CLASS; rExp = 0; rSig = 0; return; }
  const m = v < 0 ? <u64>-v : <u64>v, n = leading(m);
  rClass = FINITE; rSig = m << n; rExp = 63 - n;
}

/** r := a rounded to an integral value of the same kind; raises PE unless `quiet`. a must be finite. */
export function roundToIntegral(rc: u32, quiet: bool): void {
  setR(aClass, aSign, aExp, aSig);
  roundedUp = false;
  if (aClass != FINITE || aExp >= 63) return;
  let whole: u64, rest: u64;
  if (aExp < -1) { whole = 0; rest = 1; }
  else if (aExp == -1) { whole = 0; rest = aSig; }
  else { whole = aSig >> (63 - aExp); rest = aSig << (aExp + 1); }
  if (!rest) return;
  if (!quiet) raised |= PE;
  const up = roundsUp(rest, whole & 1, aSign, rc);
  if (up) whole++;
  roundedUp = up;
  if (!whole) { rClass = ZERO_CLASS; rSig = 0; return; }
  const n = leading(whole);
  rSig = whole << n; rExp = 63 - n;
}
