// SPDX-License-Identifier: LGPL-2.1-only
// x87 transcendental functions, computed with 128 bits and rounded once by RC, so nearly always the correctly rounded result (the manual
// promises an error below 1 ulp). Angles are reduced with the 66-bit π that the manual documents ("Approximation of Pi").
// SDM 2 "F2XM1", "FYL2X", "FYL2XP1", "FPTAN", "FPATAN", "FSIN", "FCOS", "FSINCOS".
import {
  aClass, aSign, aExp, aSig, bClass, bSign, bExp, bSig, ZERO_CLASS, FINITE, INFINITE, QNAN, INVALID, IE, DE, ZE, UE,
  PE, addRaised, setR, setResult, copyAtoB, rExp, rSig,
} from '../float/soft_float';
import {
  begin, start, report, underflows, isEmpty, st, stackFault, unpackA80, unpackB80, round80, putR, pop, push, setSt, status, setStatus,
  packedSe, packedSig, C2, NAN80_SE, NAN80_SIG,
} from './x87_state';
import { nanResult } from './x87_arithmetic';
import {
  WIDE, high, low, exponent, sign, wideSet, wideCopy, wideNegate, wideInteger, wideMultiply, wideAdd, wideDivideSmall,
  wideDivide,
} from '../float/wide_float';

const work: usize = memory.data(32 * 10, 16);
@inline function w(n: usize): usize { return work + n * WIDE; }

/** r := wide number p as an inexact result, rounded to 64 bits. */
function result(p: usize): void {
  if (!high(p)) { setR(ZERO_CLASS, sign(p), 0, 0); return; }
  setResult(sign(p), exponent(p), high(p), low(p) | 1);
  round80(64);
}
function wideA(p: usize): void { wideSet(p, aSig, 0, aExp, aSign); }
function wideB(p: usize): void { wideSet(p, bSig, 0, bExp, bSign); }
function invalid(): void { addRaised(IE); setR(INVALID, 1, 0, 0); }
/** Constants: π / 2^k, log2(e), ln 2. */
function widePi(p: usize, k: i32, s: u32): void { wideSet(p, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1, 1 - k, s); }
function wideLog2e(p: usize): void { wideSet(p, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89, 0, 0); }
function wideLn2(p: usize): void { wideSet(p, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af, -1, 0); }

/** F2XM1: 2^x − 1 for −1 ≤ x ≤ 1 (beyond, the result is undefined: here x itself) */
export function F2XM1(): void {
  begin();
  start();
  if (underflows(0, 0, 0)) return;
  const denormal = unpackA80(st(0));
  copyAtoB();
  if (aClass >= QNAN) nanResult();
  else if (aClass == ZERO_CLASS) setR(ZERO_CLASS, aSign, 0, 0);
  else if (aClass == INFINITE) { if (aSign) setR(FINITE, 1, 0, 0x8000000000000000); else setR(INFINITE, 0, 0, 0); }
  else if (aExp >= 0) {
    if (aSign && aExp == 0 && aSig == 0x8000000000000000) { setR(FINITE, 1, -1, aSig); addRaised(PE); }
    else { setR(FINITE, aSign, aExp, aSig); addRaised(PE); }
  } else {
    if (denormal) addRaised(DE);
    // t = x ln 2; (e^t − 1) / t = 1 + t/2 (1 + t/3 (1 + …))
    const t = w(0), acc = w(1), one = w(2);
    wideA(acc); wideLn2(t); wideMultiply(t, t, acc);
    wideInteger(one, 1); wideInteger(acc, 1);
    for (let k: u32 = 34; k >= 2; k--) { wideMultiply(acc, acc, t); wideDivideSmall(acc, acc, k); wideAdd(acc, acc, one, 0); }
    wideMultiply(acc, acc, t);
    result(acc);
  }
  if (report()) putR(0);
}

/** d := ln((1 + s) / (1 − s)) = 2 (s + s³/3 + s⁵/5 + …) for |s| < 0.18. Uses w(4)–w(6). */
function areaTangent(d: usize, s: usize): void {
  const one = w(4), square = w(5), term = w(6);
  wideInteger(one, 1);
  wideMultiply(square, s, s);
  wideDivideSmall(d, one, 53);
  for (let k: i32 = 51; k >= 1; k -= 2) { wideMultiply(d, d, square); wideDivideSmall(term, one, <u32>k); wideAdd(d, d, term, 0); }
  wideMultiply(d, d, s);
  if (high(d)) store<i32>(d, exponent(d) + 1, 16);
}
/** d := log2 of the positive wide number m; exact for powers of two (low word and fraction 0). Uses w(2)–w(6). */
function logarithm(d: usize, m: usize): void {
  let e = exponent(m);
  const x = w(2), y = w(3);
  wideSet(x, high(m), low(m), 0, 0);
  // significand from √½ to √2
  if (high(x) > 0xb504f333f9de6484) { store<i32>(x, -1, 16); e++; }
  wideInteger(y, 1);
  wideAdd(d, x, y, 0);
  wideAdd(x, x, y, 1);
  wideDivide(x, x, d);
  areaTangent(d, x);
  wideLog2e(y);
  wideMultiply(d, d, y);
  wideInteger(y, e);
  wideAdd(d, d, y, 0);
}
/** Result of y × log2(x) from the wide logarithm in w(1); b = y. */
function timesLogarithm(isExact: bool): void {
  wideB(w(0));
  wideMultiply(w(0), w(0), w(1));
  if (!isExact) { result(w(0)); return; }
  setResult(sign(w(0)), exponent(w(0)), high(w(0)), low(w(0)));
  round80(64);
  // an exact product, too, is reported as inexact, and then a denormal one as an underflow
  addRaised(rExp == -16382 && <i64>rSig >= 0 ? PE | UE : PE);
}

/** Reads ST(0) as a and ST(1) as b. False when a stack fault ended the instruction, which pops. */
let denormals: bool = false;
function two(): bool {
  begin();
  start();
  if (isEmpty(0) || isEmpty(1)) { underflows(isEmpty(0) ? 0 : 1, 1, 1); return false; }
  const d = unpackA80(st(0)), e = unpackB80(st(1));
  denormals = d || e;
  return true;
}
/** ST(1) := r, pop. */
function finish(): void { if (report()) { putR(1); pop(); } }
/** ±∞ or ±0 with the sign of b times `s`. */
@inline function infinite(s: u32): void { setR(INFINITE, bSign ^ s, 0, 0); }
@inline function zero(s: u32): void { setR(ZERO_CLASS, bSign ^ s, 0, 0); }

/** FYL2X: ST(1) × log2 ST(0), pop */
export function FYL2X(): void {
  if (!two()) return;
  if (aClass >= QNAN || bClass >= QNAN) nanResult();
  else if (aClass == ZERO_CLASS) {
    if (bClass == ZERO_CLASS) invalid();
    else { if (bClass == FINITE) addRaised(ZE); infinite(1); }
  } else if (aSign) invalid();
  else if (aClass == INFINITE) {
    if (bClass == ZERO_CLASS) invalid();
    else { if (denormals) addRaised(DE); infinite(0); }
  } else {
    const isOne = aExp == 0 && aSig == 0x8000000000000000, below = u32(aExp < 0);
    if (isOne && bClass == INFINITE) invalid();
    else {
      if (denormals) addRaised(DE);
      if (bClass == INFINITE) infinite(below);
      else if (bClass == ZERO_CLASS || isOne) zero(isOne ? 0 : below);
      else {
        wideA(w(0));
        logarithm(w(1), w(0));
        timesLogarithm(aSig == 0x8000000000000000);
      }
    }
  }
  finish();
}
/** FYL2XP1: ST(1) × log2(ST(0) + 1), pop; meant for |ST(0)| < 1 − √½ */
export function FYL2XP1(): void {
  if (!two()) return;
  if (aClass >= QNAN || bClass >= QNAN) nanResult();
  else if (aClass == ZERO_CLASS) {
    if (bClass == INFINITE) invalid();
    else { if (denormals) addRaised(DE); zero(aSign); }
  } else if (aClass == INFINITE) {
    if (aSign || bClass == ZERO_CLASS) invalid();
    else { if (denormals) addRaised(DE); infinite(0); }
  } else {
    if (denormals) addRaised(DE);
    if (bClass == INFINITE) infinite(aSign);
    else if (bClass == ZERO_CLASS) zero(aSign);
    else if (aSign && aExp >= 0) { setR(FINITE, 1, aExp, aSig); addRaised(PE); } // undefined: x itself
    else {
      const x = w(0), y = w(1), s = w(2);
      wideA(x);
      wideInteger(y, 1);
      if (aExp < -2) {
        // s = x / (2 + x) keeps all digits of a small x
        wideInteger(y, 2);
        wideAdd(y, y, x, 0);
        wideDivide(s, x, y);
        areaTangent(y, s);
        wideLog2e(s);
        wideMultiply(y, y, s);
      } else {
        wideAdd(x, x, y, 0);
        logarithm(y, x);
      }
      timesLogarithm(false);
    }
  }
  finish();
}

/** arctan(k/8) for k = 1 … 8: high, low, exponent. */
const tangents: usize = memory.data<u64>([
  0xfeadd4d5617b6e32, 0xc897989f3e888ef8, 4, 0xfadbafc96406eb15, 0x6dc79ef5f7a217e6, 3, 0xb7b0ca0f26f78473, 0x8aa32122dcfe4483, 2,
  0xed63382b0dda7b45, 0x6fe445ecbc3a8d03, 2, 0x8f005d5ef7f59f9b, 0x5c835e1665c43748, 1, 0xa4bc7d1934f70924, 0x19a87f2a457dac9f, 1,
  0xb8053e2bc2319e73, 0xcb2da55210a4443d, 1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1, 1,
]);
/** d := arctan z for 0 ≤ z ≤ 1. Uses w(4)–w(8). */
function arcTangent(d: usize, z: usize): void {
  const one = w(4), square = w(5), term = w(6), t = w(7), k8 = w(8);
  // nearest multiple of 1/8: z' = (z − k/8) / (1 + z k/8), |z'| ≤ 1/16
  const e = exponent(z);
  const k: i32 = !high(z) || e < -5 ? 0 : <i32>(((high(z) >> (58 - e)) + 2) >> 2);
  wideInteger(one, 1);
  if (k) {
    wideInteger(k8, k); store<i32>(k8, exponent(k8) - 3, 16);
    wideMultiply(term, z, k8); wideAdd(term, term, one, 0);
    wideAdd(t, z, k8, 1);
    wideDivide(t, t, term);
  } else wideCopy(t, z);
  wideMultiply(square, t, t);
  wideDivideSmall(d, one, 35);
  for (let i: i32 = 33; i >= 1; i -= 2) { wideMultiply(d, d, square); wideDivideSmall(term, one, <u32>i); wideAdd(d, term, d, 1); }
  wideMultiply(d, d, t);
  if (k) {
    const at = tangents + <usize>(k - 1) * 24;
    wideSet(term, load<u64>(at), load<u64>(at, 8), -<i32>load<u64>(at, 16), 0);
    wideAdd(d, d, term, 0);
  }
}
/** FPATAN: angle of the point (ST(0), ST(1)), pop */
export function FPATAN(): void {
  if (!two()) return;
  if (aClass >= QNAN || bClass >= QNAN) { nanResult(); finish(); return; }
  if (denormals) addRaised(DE);
  const d = w(0);
  if (bClass == ZERO_CLASS || (aClass == INFINITE && bClass == FINITE)) {
    if (!aSign) { zero(0); finish(); return; }
    widePi(d, 0, bSign);
  } else if (aClass == ZERO_CLASS || (bClass == INFINITE && aClass == FINITE)) widePi(d, 1, bSign);
  else if (aClass == INFINITE) {
    // both infinite: π/4 or 3π/4
    widePi(d, 2, 0);
    if (aSign) { wideInteger(w(1), 3); wideMultiply(d, d, w(1)); }
    store<u32>(d, bSign, 20);
  } else angle(d);
  result(d);
  finish();
}
/** d := angle of the finite point (|a|, |b|), then by quadrant. */
function angle(d: usize): void {
  const x = w(1), y = w(2), z = w(3);
  wideSet(x, aSig, 0, aExp, 0); wideSet(y, bSig, 0, bExp, 0);
  const steep = bExp > aExp || (bExp == aExp && bSig > aSig);
  if (steep) wideDivide(z, x, y); else wideDivide(z, y, x);
  arcTangent(d, z);
  if (steep) { widePi(z, 1, 0); wideAdd(d, z, d, 1); }
  if (aSign) { widePi(z, 0, 0); wideAdd(d, z, d, 1); }
  store<u32>(d, bSign, 20);
}

/** Quadrant of the reduced angle. */
let quadrant: u32 = 0;
/** w(0) := a reduced to −π/4 … π/4 by multiples of π/2 (66-bit π). */
function reduce(): void {
  const r = w(0);
  quadrant = 0;
  wideSet(r, aSig, 0, aExp, aSign);
  // below π/4 there is nothing to do
  if (aExp < -1 || (aExp == -1 && aSig <= 0xc90fdaa22168c234)) return;
  const ph: u64 = 0xc90fdaa22168c234, pl: u64 = 0xc000000000000000;
  let h = aSig, l: u64 = 0, carry = false, q: u64 = 0;
  // remainder in units of the exponent at hand; starts one step lower for numbers below 1
  if (aExp < 0) { l = h << 63; h >>= 1; }
  for (let i = aExp < 0 ? 0 : aExp; ; i--) {
    q <<= 1;
    if (carry || h > ph || (h == ph && l >= pl)) { h = h - ph - u64(l < pl); l -= pl; q |= 1; }
    if (i == 0) break;
    carry = h >> 63 != 0;
    h = h << 1 | l >> 63; l <<= 1;
  }
  let s = aSign;
  // nearest: above π/4 the angle is taken from the next multiple
  const ch = ph - h - u64(pl < l), cl = pl - l;
  if (h > ch || (h == ch && l > cl)) { h = ch; l = cl; s ^= 1; q++; }
  const x = w(1), y = w(2);
  store<u64>(x, 0); // sum of the two words, each normalised by itself
  wideSet(x, 0, 0, 0, 0); wideSet(y, 0, 0, 0, 0);
  if (h) { const n = <i32>clz<u64>(h); wideSet(x, h << n, 0, -n, s); }
  if (l) { const n = <i32>clz<u64>(l); wideSet(y, l << n, 0, -64 - n, s); }
  wideAdd(r, x, y, 0);
  quadrant = <u32>q & 3;
}
/** d := sine or cosine of w(0), |w(0)| ≤ π/4. Uses w(4)–w(5). */
function series(d: usize, cosine: bool): void {
  const one = w(4), square = w(5), r = w(0);
  wideInteger(one, 1);
  wideMultiply(square, r, r);
  wideInteger(d, 1);
  for (let k: u32 = 17; k >= 1; k--) {
    wideMultiply(d, d, square);
    wideDivideSmall(d, d, cosine ? (2 * k - 1) * 2 * k : 2 * k * (2 * k + 1));
    wideAdd(d, one, d, 1);
  }
  if (!cosine) wideMultiply(d, d, r);
}
/** In the quadrants 2 and 3 the sine is negative. */
@inline const NEGATIVE_HALF: u32 = 2;
/** d := sine (cosine) of a, whose sign the reduced angle carries. */
function sine(d: usize, cosine: bool): void {
  const q = aSign ? 4 - quadrant & 3 : quadrant, n = cosine ? q + 1 & 3 : q;
  // sin(r + nπ/2): r has the sign of a, so quadrants of negative angles count backwards
  series(d, (n & 1) != 0);
  if (n & NEGATIVE_HALF) wideNegate(d);
}
/** Starts a trigonometric instruction; `pushes`: it needs an empty ST(7). False when it has ended. */
let denormal: bool = false;
function angleOperand(pushes: bool): bool {
  begin();
  start();
  setStatus(status() & ~C2);
  if (isEmpty(0) || (pushes && !isEmpty(7))) {
    if (stackFault(!isEmpty(0))) { setSt(0, NAN80_SE, NAN80_SIG); if (pushes) { push(); setSt(0, NAN80_SE, NAN80_SIG); } }
    return false;
  }
  denormal = unpackA80(st(0));
  copyAtoB();
  if (aClass >= QNAN || aClass == INFINITE) {
    if (aClass == INFINITE) invalid(); else nanResult();
    if (report()) { putR(0); if (pushes) { push(); putR(0); } }
    return false;
  }
  if (aClass == FINITE && aExp >= 63) { setStatus(status() | C2); return false; }
  if (denormal) addRaised(DE);
  if (aClass == FINITE) reduce();
  return true;
}
/** r := sine (cosine) of a, rounded. */
function sineResult(cosine: bool): void {
  if (aClass == ZERO_CLASS) { if (cosine) setR(FINITE, 0, 0, 0x8000000000000000); else setR(ZERO_CLASS, aSign, 0, 0); return; }
  sine(w(3), cosine);
  result(w(3));
}
export function FSIN(): void { if (!angleOperand(false)) return; sineResult(false); if (report()) putR(0); }
export function FCOS(): void { if (!angleOperand(false)) return; sineResult(true); if (report()) putR(0); }
/** FSINCOS: sine to ST(0), then push the cosine */
export function FSINCOS(): void {
  if (!angleOperand(true)) return;
  sineResult(true);
  const se = packedSe(), sig = packedSig();
  sineResult(false);
  if (!report()) return;
  putR(0);
  push();
  setSt(0, se, sig);
}
/** FPTAN: tangent to ST(0), then push 1.0 */
export function FPTAN(): void {
  if (!angleOperand(true)) return;
  if (aClass == ZERO_CLASS) setR(ZERO_CLASS, aSign, 0, 0);
  else {
    sine(w(3), false);
    sine(w(6), true);
    wideDivide(w(3), w(3), w(6));
    result(w(3));
  }
  if (!report()) return;
  putR(0);
  push();
  setSt(0, 0x3fff, 0x8000000000000000);
}
