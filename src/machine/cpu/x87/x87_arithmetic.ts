// SPDX-License-Identifier: LGPL-2.1-only
// x87 arithmetic. SDM 2 "FADD/FADDP/FIADD", "FSUB…", "FSUBR…", "FMUL…", "FDIV…", "FDIVR…", "FSQRT", "FRNDINT", "FSCALE", "FXTRACT",
// "FPREM", "FPREM1", "FABS", "FCHS".
import { read } from "../memory/access";
import {
  aClass, aSign, aExp, aSig, bClass, bSign, bExp, bSig, rClass, ZERO_CLASS, FINITE, INFINITE, QNAN, SNAN, UNSUPPORTED,
  INVALID, IE, DE, ZE, add, multiply, divide, dividedByZero, squareRoot, roundToIntegral, setR, setResult, setA, setB,
  addRaised, copyAtoB, fromInteger, copyRtoB, setRoundedUp, leading, INTEGER_BIT,
} from "../float/soft_float";
import {
  begin, beginAt, start, report, underflows, isEmpty, st, stackFault, unpackA80, unpackB80, round80, x87Precision,
  x87Rounding, putR, pop, push, setSt, significand, signExponent, C0, C1, C2, C3, NAN80_SE, NAN80_SIG,
  status, setStatus, QUIET80, SIGN80, EXPONENT80, BIAS80,
} from "./x87_state";
import { unpackB32, unpackB64 } from "../float/float_formats";
import { Mem } from "../state/registers";

/** Operations in the order of ModRM.reg of D8: FADD FMUL – – FSUB FSUBR FDIV FDIVR. */
@inline export const X_ADD: u32 = 0;
@inline export const X_MUL: u32 = 1;
@inline export const X_SUB: u32 = 4;
@inline export const X_SUBR: u32 = 5;
@inline export const X_DIV: u32 = 6;
@inline export const X_DIVR: u32 = 7;

/** Quotient and the like of a NaN or unsupported operand: r := the NaN that survives (SDM 1 "Rules for handling NaNs", x87 column). */
export function nanResult(): void {
  if (aClass == UNSUPPORTED || bClass == UNSUPPORTED) { addRaised(IE); setR(INVALID, 1, 0, 0); return; }
  if (aClass == SNAN || bClass == SNAN) addRaised(IE);
  let first = aClass >= QNAN;
  if (first && bClass >= QNAN) {
    // a quiet NaN wins over a signalling one, else the larger significand, else the positive one
    if (aClass != bClass) first = aClass == QNAN;
    else first = aSig != bSig ? aSig > bSig : aSign <= bSign;
  }
  if (first) setR(QNAN, aSign, 0, aSig | QUIET80); else setR(QNAN, bSign, 0, bSig | QUIET80);
}
@inline function hasNan(): bool { return aClass >= QNAN || bClass >= QNAN; }

/** r := a op b, rounded, with its exceptions; `denormal` = one of them is denormal. */
function operate(op: u32, denormal: bool): void {
  if (hasNan()) { nanResult(); return; }
  if (op == X_SUBR || op == X_DIVR) {
    const c = aClass, s = aSign, e = aExp, m = aSig;
    setA(bClass, bSign, bExp, bSig); setB(c, s, e, m);
  }
  if (op == X_ADD) add(0, x87Rounding());
  else if (op == X_MUL) multiply();
  else if (op < X_DIV) add(1, x87Rounding());
  else divide();
  if (denormal && rClass != INVALID && !(op >= X_DIV && dividedByZero)) addRaised(DE);
  round80(x87Precision());
}

/** ST(d) := ST(d) op ST(s), then `pops`. */
function binary(op: u32, d: u32, s: u32, pops: u32): void {
  begin();
  start();
  if (isEmpty(d) || isEmpty(s)) { underflows(isEmpty(d) ? d : s, d, pops); return; }
  const da = unpackA80(st(d)), db = unpackB80(st(s));
  operate(op, da || db);
  if (!report()) return;
  putR(d);
  if (pops) pop();
}
/** ST(0) := ST(0) op b, b unpacked by the caller. */
function memoryOperand(op: u32, denormal: bool): void {
  if (underflows(0, 0, 0)) return;
  const d = unpackA80(st(0));
  operate(op, d || denormal);
  if (report()) putR(0);
}

/** D8 register forms: ST(0) op ST(i); DC: ST(i) op ST(0), where FSUB and FSUBR, FDIV and FDIVR change places in the encoding; DE pops */
export function FADD(i: u32): void { binary(X_ADD, 0, i, 0); }
export function FMUL(i: u32): void { binary(X_MUL, 0, i, 0); }
export function FSUB(i: u32): void { binary(X_SUB, 0, i, 0); }
export function FSUBR(i: u32): void { binary(X_SUBR, 0, i, 0); }
export function FDIV(i: u32): void { binary(X_DIV, 0, i, 0); }
export function FDIVR(i: u32): void { binary(X_DIVR, 0, i, 0); }
export function FADDi(i: u32): void { binary(X_ADD, i, 0, 0); }
export function FMULi(i: u32): void { binary(X_MUL, i, 0, 0); }
export function FSUBi(i: u32): void { binary(X_SUB, i, 0, 0); }
export function FSUBRi(i: u32): void { binary(X_SUBR, i, 0, 0); }
export function FDIVi(i: u32): void { binary(X_DIV, i, 0, 0); }
export function FDIVRi(i: u32): void { binary(X_DIVR, i, 0, 0); }
export function FADDP(i: u32): void { binary(X_ADD, i, 0, 1); }
export function FMULP(i: u32): void { binary(X_MUL, i, 0, 1); }
export function FSUBP(i: u32): void { binary(X_SUB, i, 0, 1); }
export function FSUBRP(i: u32): void { binary(X_SUBR, i, 0, 1); }
export function FDIVP(i: u32): void { binary(X_DIV, i, 0, 1); }
export function FDIVRP(i: u32): void { binary(X_DIVR, i, 0, 1); }

function single(op: u32, ea: Mem): void { beginAt(ea); const v = read<u32>(ea); start(); memoryOperand(op, unpackB32(v, false)); }
function double(op: u32, ea: Mem): void { beginAt(ea); const v = read<u64>(ea); start(); memoryOperand(op, unpackB64(v, false)); }
function integer(op: u32, v: i64): void { start(); fromInteger(v); copyRtoB(); memoryOperand(op, false); }
function integer16(op: u32, ea: Mem): void { beginAt(ea); integer(op, <i64><i16>read<u16>(ea)); }
function integer32(op: u32, ea: Mem): void { beginAt(ea); integer(op, <i64><i32>read<u32>(ea)); }
/** m32fp, m64fp, m16int, m32int */
export function FADD32(ea: Mem): void { single(X_ADD, ea); }
export function FMUL32(ea: Mem): void { single(X_MUL, ea); }
export function FSUB32(ea: Mem): void { single(X_SUB, ea); }
export function FSUBR32(ea: Mem): void { single(X_SUBR, ea); }
export function FDIV32(ea: Mem): void { single(X_DIV, ea); }
export function FDIVR32(ea: Mem): void { single(X_DIVR, ea); }
export function FADD64(ea: Mem): void { double(X_ADD, ea); }
export function FMUL64(ea: Mem): void { double(X_MUL, ea); }
export function FSUB64(ea: Mem): void { double(X_SUB, ea); }
export function FSUBR64(ea: Mem): void { double(X_SUBR, ea); }
export function FDIV64(ea: Mem): void { double(X_DIV, ea); }
export function FDIVR64(ea: Mem): void { double(X_DIVR, ea); }
export function FIADD16(ea: Mem): void { integer16(X_ADD, ea); }
export function FIMUL16(ea: Mem): void { integer16(X_MUL, ea); }
export function FISUB16(ea: Mem): void { integer16(X_SUB, ea); }
export function FISUBR16(ea: Mem): void { integer16(X_SUBR, ea); }
export function FIDIV16(ea: Mem): void { integer16(X_DIV, ea); }
export function FIDIVR16(ea: Mem): void { integer16(X_DIVR, ea); }
export function FIADD32(ea: Mem): void { integer32(X_ADD, ea); }
export function FIMUL32(ea: Mem): void { integer32(X_MUL, ea); }
export function FISUB32(ea: Mem): void { integer32(X_SUB, ea); }
export function FISUBR32(ea: Mem): void { integer32(X_SUBR, ea); }
export function FIDIV32(ea: Mem): void { integer32(X_DIV, ea); }
export function FIDIVR32(ea: Mem): void { integer32(X_DIVR, ea); }

/** Starts an instruction on ST(0) alone: a := ST(0), b := the same. False when it ended in a stack fault. */
function unary(): bool {
  begin();
  start();
  if (underflows(0, 0, 0)) return false;
  denormalA = unpackA80(st(0));
  copyAtoB();
  return true;
}
let denormalA: bool = false;

/** Square root; of −0 it is −0 */
export function FSQRT(): void {
  if (!unary()) return;
  if (aClass >= QNAN) nanResult();
  else {
    squareRoot();
    if (denormalA && rClass != INVALID) addRaised(DE);
    round80(x87Precision());
  }
  if (report()) putR(0);
}
/** To an integral value by RC */
export function FRNDINT(): void {
  if (!unary()) return;
  if (aClass >= QNAN) nanResult();
  else {
    if (denormalA) addRaised(DE);
    roundToIntegral(x87Rounding(), false);
  }
  if (report()) putR(0);
}
/** FABS, FCHS change the sign bit of anything */
function signOf(flip: bool): void {
  begin();
  start();
  if (underflows(0, 0, 0)) return;
  const slot = st(0), se = signExponent(slot);
  setSt(0, flip ? se ^ SIGN80 : se & EXPONENT80, significand(slot));
}
export function FABS(): void { signOf(false); }
export function FCHS(): void { signOf(true); }

/** FSCALE: ST(0) × 2^(ST(1) truncated) */
export function FSCALE(): void {
  begin();
  start();
  if (isEmpty(0) || isEmpty(1)) { underflows(isEmpty(0) ? 0 : 1, 0, 0); return; }
  const da = unpackA80(st(0)), db = unpackB80(st(1));
  if (hasNan()) nanResult();
  else if (bClass == INFINITE) {
    if (bSign) {
      if (aClass == INFINITE) { addRaised(IE); setR(INVALID, 1, 0, 0); } else setR(ZERO_CLASS, aSign, 0, 0);
    } else if (aClass == ZERO_CLASS) { addRaised(IE); setR(INVALID, 1, 0, 0); }
    else setR(INFINITE, aSign, 0, 0);
  } else if (aClass != FINITE || bClass == ZERO_CLASS || bExp < 0) {
    setR(aClass, aSign, aExp, aSig);
  } else {
    // beyond 2^16 every number over- or underflows, even with a wrapped exponent
    const n: i32 = bExp > 15 ? 0x10000 : <i32>(bSig >> (63 - bExp));
    setR(aClass, aSign, aExp + (bSign ? -n : n), aSig);
  }
  if (da || db) { if (rClass != INVALID && !hasNan()) addRaised(DE); }
  if (rClass == FINITE && bClass == ZERO_CLASS) { if (report()) keepTiny(); return; }
  round80(64);
  if (report()) putR(0);
}
/**
 * ST(0) scaled by 2^0, or divided by an infinity: a tiny number stays as it is, and is no underflow (test/differential). A pseudo-denormal
 * becomes the same number in normal form.
 */
function keepTiny(): void {
  const s = st(0), se = signExponent(s), sig = significand(s);
  setSt(0, (se & EXPONENT80) == 0 && (sig & INTEGER_BIT) != 0 ? se | 1 : se, sig);
}

/** FXTRACT: ST(0) := exponent as a number, then push the significand */
export function FXTRACT(): void {
  begin();
  start();
  if (isEmpty(0) || !isEmpty(7)) {
    const overflow = !isEmpty(0);
    if (stackFault(overflow)) { setSt(0, NAN80_SE, NAN80_SIG); push(); setSt(0, NAN80_SE, NAN80_SIG); }
    return;
  }
  const denormal = unpackA80(st(0));
  copyAtoB();
  if (aClass >= QNAN) {
    nanResult();
    if (report()) { putR(0); push(); putR(0); }
    return;
  }
  if (denormal) addRaised(DE);
  if (aClass == ZERO_CLASS) addRaised(ZE);
  if (!report()) return;
  const sign = aSign << 15;
  if (aClass == ZERO_CLASS) { setSt(0, 0xffff, INTEGER_BIT); push(); setSt(0, sign, 0); return; }
  if (aClass == INFINITE) { setSt(0, EXPONENT80, INTEGER_BIT); push(); setSt(0, sign | EXPONENT80, INTEGER_BIT); return; }
  const sig = aSig;
  fromInteger(<i64>aExp);
  putR(0);
  push();
  setSt(0, sign | BIAS80, sig);
}

/**
 * FPREM (truncating) and FPREM1 (IEEE, nearest): the remainder is exact; an exponent difference of 64 or more is reduced in part (C2 = 1).
 */
function partialRemainder(nearest: bool): void {
  begin();
  start();
  setStatus(status() & ~C2);
  if (isEmpty(0) || isEmpty(1)) { underflows(isEmpty(0) ? 0 : 1, 0, 0); return; }
  const da = unpackA80(st(0)), db = unpackB80(st(1));
  let codes: u32 = status() & (C0 | C3);
  if (hasNan()) nanResult();
  else if (aClass == INFINITE || bClass == ZERO_CLASS) { addRaised(IE); setR(INVALID, 1, 0, 0); }
  else {
    if (da || db) addRaised(DE);
    codes = aClass == ZERO_CLASS || bClass == INFINITE ? keepDividend() : divideOut(nearest);
  }
  if (aClass == FINITE && bClass == INFINITE) {
    if (report()) { keepTiny(); setStatus(status() & ~(C0 | C1 | C2 | C3) | codes); }
    return;
  }
  round80(64);
  setRoundedUp(false);
  if (report()) { putR(0); setStatus(status() & ~(C0 | C1 | C2 | C3) | codes); }
}
/** A partial remainder takes 32 to 63 steps. Bits 1 and 2 of the quotient go to condition codes. */
@inline const PART: i32 = 32;
@inline const QUOTIENT_1: u64 = 2;
@inline const QUOTIENT_2: u64 = 4;
/** The dividend is the remainder. */
function keepDividend(): u32 { setR(aClass, aSign, aExp, aSig); return 0; }
function divideOut(nearest: bool): u32 {
  const d = aExp - bExp;
  if (d < -1 || (d < 0 && !nearest)) return keepDividend();
  // steps of the quotient: all of them, or a multiple that leaves a difference below 64 for the next time
  const part = d >= 64, steps = part ? (d & 31) | PART : d;
  const exp = aExp - steps;
  let rem = aSig, q: u64 = 0, sign = aSign;
  if (d == -1) {
    // |a| < |b|; half of b against a decides the nearest quotient, 0 or 1
    if (rem <= bSig) return keepDividend();
    setB(FINITE, sign ^ 1, bExp, bSig);
    add(0, 0);
    return C1;
  }
  let carry = false;
  for (let i = steps; ; i--) {
    q <<= 1;
    if (carry || rem >= bSig) { rem -= bSig; q |= 1; }
    if (i == 0) break;
    carry = rem >> 63 != 0;
    rem <<= 1;
  }
  if (!part && nearest) {
    const half = bSig - rem;
    if (rem > half || (rem == half && q & 1)) { rem = half; sign ^= 1; q++; }
  }
  if (!rem) setR(ZERO_CLASS, aSign, 0, 0);
  else { const n = leading(rem); setResult(sign, exp - n, rem << n, 0); }
  if (part) return C2;
  return (q & QUOTIENT_2 ? C0 : 0) | (q & QUOTIENT_1 ? C3 : 0) | (q & 1 ? C1 : 0);
}
export function FPREM(): void { partialRemainder(false); }
export function FPREM1(): void { partialRemainder(true); }
