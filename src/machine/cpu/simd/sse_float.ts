// SPDX-License-Identifier: LGPL-2.1-only
// One lane of SSE floating point with MXCSR's rounding, masks, DAZ, FTZ and sticky flags.
// SDM 1 "Programming with Intel Streaming SIMD Extensions", "SIMD Floating-Point Exceptions".
import { MXCSR } from "../generated/layout";
import { simdException } from "../float/fpu_state";
import {
  IE, DE, raised, setRaised, addRaised, aClass, rClass, FINITE, INVALID, add, multiply, divide, dividedByZero,
  squareRoot, round, setR, aSign, aExp, aSig, RANGE,
} from "../float/soft_float";
import {
  unpackA32, unpackB32, unpackA64, unpackB64, pack32, pack64, isNan32, isNan64, isSignalling32, isSignalling64,
  isDenormal32, isDenormal64, QUIET32, QUIET64, EXPONENT32, EXPONENT64, FRACTION32, SIGN32, SIGN64,
} from "../float/float_formats";
import { EQUAL, GREATER, LESS, UNORDERED } from "../float/relation";
import { FloatException } from "../generated/architecture";

/** Operations of `arithmetic32` and `arithmetic64`. */
@inline export const OP_ADD: u32 = 0;
@inline export const OP_SUB: u32 = 1;
@inline export const OP_MUL: u32 = 2;
@inline export const OP_DIV: u32 = 3;
@inline export const OP_SQRT: u32 = 4;

/** Exceptions found before the operation is done: with one of them unmasked, no lane reports the others. */
@inline const BEFORE: u32 = FloatException.Before;

/** MXCSR as the lanes of one instruction see it. */
let rc: u32 = 0, unmasked: u32 = 0;
export let daz: bool = false;
let ftz: bool = false;

/** Before the first lane of an instruction. */
export function beginFloat(): void {
  const m = load<u32>(MXCSR);
  rc = m >> 13 & 3; unmasked = ~m >> 7 & FloatException.All; daz = <bool>(m >> 6 & 1); ftz = <bool>(m >> 15 & 1);
  setRaised(0);
}
/** After the last lane, before the destination changes: sets the sticky flags, delivers an unmasked exception. */
export function endFloat(): void {
  let flags = raised;
  const fatal = flags & unmasked;
  if (fatal & BEFORE) flags &= BEFORE;
  store<u32>(MXCSR, load<u32>(MXCSR) | flags);
  if (fatal) simdException();
}
/** Rounding mode of the instruction (MXCSR.RC). */
export function roundingMode(): u32 { return rc; }

@inline function operate(op: u32): void {
  if (op <= OP_SUB) add(op, rc);
  else if (op == OP_MUL) multiply();
  else if (op == OP_DIV) divide();
  else squareRoot();
}

/** NaN result of two operands: the first operand if it is a NaN, else the second, made quiet. */
export function nan64(x: u64, y: u64): u64 {
  if (isSignalling64(x) || isSignalling64(y)) addRaised(IE);
  return (isNan64(x) ? x : y) | QUIET64;
}
export function nan32(x: u32, y: u32): u32 {
  if (isSignalling32(x) || isSignalling32(y)) addRaised(IE);
  return (isNan32(x) ? x : y) | QUIET32;
}

/** Rounds r to double (or single) precision by MXCSR. */
export function round64(): void { if (rClass == FINITE) round(53, -1022, 1023, rc, unmasked & RANGE, ftz, 0); }
export function round32(): void { if (rClass == FINITE) round(24, -126, 127, rc, unmasked & RANGE, ftz, 0); }

/** One double-precision lane of an arithmetic instruction; of OP_SQRT only y counts. */
export function arithmetic64(op: u32, x: u64, y: u64): u64 {
  let denormal: bool;
  if (op == OP_SQRT) { if (isNan64(y)) return nan64(y, y); denormal = unpackA64(y, daz); }
  else {
    if (isNan64(x) || isNan64(y)) return nan64(x, y);
    denormal = unpackA64(x, daz);
    denormal = unpackB64(y, daz) || denormal;
  }
  operate(op);
  if (denormal && rClass != INVALID && !(op == OP_DIV && dividedByZero)) { addRaised(DE); if (unmasked & DE) return 0; }
  round64();
  return pack64();
}
/** One single-precision lane. */
export function arithmetic32(op: u32, x: u32, y: u32): u32 {
  let denormal: bool;
  if (op == OP_SQRT) { if (isNan32(y)) return nan32(y, y); denormal = unpackA32(y, daz); }
  else {
    if (isNan32(x) || isNan32(y)) return nan32(x, y);
    denormal = unpackA32(x, daz);
    denormal = unpackB32(y, daz) || denormal;
  }
  operate(op);
  if (denormal && rClass != INVALID && !(op == OP_DIV && dividedByZero)) { addRaised(DE); if (unmasked & DE) return 0; }
  round32();
  return pack32();
}

/** A double without the denormal that DAZ makes zero. */
@inline export function flushed64(v: u64): u64 { return daz && isDenormal64(v) ? v & SIGN64 : v; }
@inline export function flushed32(v: u32): u32 { return daz && isDenormal32(v) ? v & SIGN32 : v; }

/** Relation of two lanes; raises IE for a NaN (`quiet`: only for a signalling one), else DE for a denormal. */
export function compare64(x: u64, y: u64, quiet: bool): u32 {
  if (isNan64(x) || isNan64(y)) {
    if (!quiet || isSignalling64(x) || isSignalling64(y)) addRaised(IE);
    return UNORDERED;
  }
  if (!daz && (isDenormal64(x) || isDenormal64(y))) addRaised(DE);
  const p = reinterpret<f64>(flushed64(x)), q = reinterpret<f64>(flushed64(y));
  return p < q ? LESS : p == q ? EQUAL : GREATER;
}
export function compare32(x: u32, y: u32, quiet: bool): u32 {
  if (isNan32(x) || isNan32(y)) {
    if (!quiet || isSignalling32(x) || isSignalling32(y)) addRaised(IE);
    return UNORDERED;
  }
  if (!daz && (isDenormal32(x) || isDenormal32(y))) addRaised(DE);
  const p = reinterpret<f32>(flushed32(x)), q = reinterpret<f32>(flushed32(y));
  return p < q ? LESS : p == q ? EQUAL : GREATER;
}

/** MIN/MAX of one lane: the second operand when either is a NaN or both are zero. */
export function extreme64(max: bool, x: u64, y: u64): u64 {
  const r = compare64(x, y, false), p = flushed64(x), q = flushed64(y);
  return (max ? r == GREATER : r == LESS) ? p : q;
}
export function extreme32(max: bool, x: u32, y: u32): u32 {
  const r = compare32(x, y, false), p = flushed32(x), q = flushed32(y);
  return (max ? r == GREATER : r == LESS) ? p : q;
}

/** Whether predicate 0–7 of CMPPS/PD/SS/SD (EQ LT LE UNORD NEQ NLT NLE ORD) holds for a relation. */
@inline export function holds(predicate: u32, relation: u32): bool {
  // per predicate 4 bits: LESS, EQUAL, GREATER, UNORDERED
  return <bool>(<u32>(0x7ced8312 >> (predicate << 2)) >> relation & 1);
}
/** Predicates that raise IE for quiet NaNs too: LT, LE, NLT, NLE. */
@inline export function isQuiet(predicate: u32): bool { return ((0x66 >> predicate) & 1) == 0; }

/** Single to double: exact; NaNs become quiet. */
export function widen(v: u32): u64 {
  if (isNan32(v)) {
    if (isSignalling32(v)) addRaised(IE);
    return <u64>(v >> 31) << 63 | (EXPONENT64 | QUIET64) | <u64>(v & FRACTION32) << 29;
  }
  if (unpackA32(v, daz)) addRaised(DE);
  setR(aClass, aSign, aExp, aSig);
  return pack64();
}
/** Double to single, rounded. */
export function narrow(v: u64): u32 {
  if (isNan64(v)) {
    if (isSignalling64(v)) addRaised(IE);
    return <u32>(v >> 63) << 31 | (EXPONENT32 | QUIET32) | <u32>(v >> 29) & FRACTION32;
  }
  if (unpackA64(v, daz)) { addRaised(DE); if (unmasked & DE) return 0; }
  setR(aClass, aSign, aExp, aSig);
  round32();
  return pack32();
}
