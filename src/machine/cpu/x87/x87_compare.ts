// SPDX-License-Identifier: LGPL-2.1-only
// x87 comparison and classification. SDM 2 "FCOM/FCOMP/FCOMPP", "FUCOM…", "FCOMI/FCOMIP/FUCOMI/FUCOMIP", "FICOM", "FTST", "FXAM",
// "FCMOVcc".
import { read } from "../memory/access";
import { CF, ZF, PF } from "../state/flags";
import {
  aClass, aSign, aExp, aSig, bClass, bSign, bExp, bSig, ZERO_CLASS, INFINITE, QNAN, SNAN, IE, DE, addRaised, setB,
  fromInteger, copyRtoB, INTEGER_BIT,
} from "../float/soft_float";
import {
  begin, beginAt, start, startQuietly, report, isEmpty, underflows, st, stackFault, unpackA80, unpackB80, pop, setSt,
  significand, signExponent, setCodes, setCompareCodes, C0, C1, C2, C3, EXPONENT80,
} from "./x87_state";
import { unpackB32, unpackB64 } from "../float/float_formats";
import { Mem } from "../state/registers";
import { relationFlags, LESS, EQUAL, GREATER, UNORDERED } from "../float/relation";

/** Relation of a and b; raises IE for NaNs (`quiet`: signalling only) and unsupported encodings, DE for denormals. */
function relation(quiet: bool, denormal: bool): u32 {
  if (aClass >= QNAN || bClass >= QNAN) {
    if (!quiet || aClass >= SNAN || bClass >= SNAN) addRaised(IE);
    return UNORDERED;
  }
  if (denormal) addRaised(DE);
  if (aClass == ZERO_CLASS && bClass == ZERO_CLASS) return EQUAL;
  const an = aClass != ZERO_CLASS && aSign, bn = bClass != ZERO_CLASS && bSign;
  if (aClass == ZERO_CLASS) return bn ? GREATER : LESS;
  if (bClass == ZERO_CLASS) return an ? LESS : GREATER;
  if (aSign != bSign) return an ? LESS : GREATER;
  let larger: bool;
  if (aClass == INFINITE || bClass == INFINITE) {
    if (aClass == bClass) return EQUAL;
    larger = aClass == INFINITE;
  } else {
    if (aExp == bExp && aSig == bSig) return EQUAL;
    larger = aExp != bExp ? aExp > bExp : aSig > bSig;
  }
  return larger != <bool>aSign ? GREATER : LESS;
}
/** C3, C2, C0 of a relation. */
function codesOf(r: u32): u32 { return r == UNORDERED ? C0 | C2 | C3 : r == EQUAL ? C3 : r == LESS ? C0 : 0; }

/** Compares ST(0) with b (unpacked already), then pops. */
function finish(quiet: bool, denormal: bool, pops: u32): void {
  const r = relation(quiet, denormal), done = report();
  setCompareCodes(codesOf(r));
  if (done) while (pops) { pop(); pops--; }
}
function emptyCompare(pops: u32): void {
  const masked = stackFault(false);
  setCompareCodes(C0 | C2 | C3);
  if (masked) while (pops) { pop(); pops--; }
}
function compare(i: u32, quiet: bool, pops: u32): void {
  begin();
  start();
  if (isEmpty(0) || isEmpty(i)) { emptyCompare(pops); return; }
  const d = unpackA80(st(0)), e = unpackB80(st(i));
  finish(quiet, d || e, pops);
}
export function FCOM(i: u32): void { compare(i, false, 0); }
export function FCOMP(i: u32): void { compare(i, false, 1); }
export function FCOMPP(): void { compare(1, false, 2); }
export function FUCOM(i: u32): void { compare(i, true, 0); }
export function FUCOMP(i: u32): void { compare(i, true, 1); }
export function FUCOMPP(): void { compare(1, true, 2); }

function memory(denormal: bool, pops: u32): void {
  if (isEmpty(0)) { emptyCompare(pops); return; }
  const d = unpackA80(st(0));
  finish(false, d || denormal, pops);
}
function memory32(ea: Mem, pops: u32): void { beginAt(ea); const v = read<u32>(ea); start(); memory(unpackB32(v, false), pops); }
function memory64(ea: Mem, pops: u32): void { beginAt(ea); const v = read<u64>(ea); start(); memory(unpackB64(v, false), pops); }
function integer(ea: Mem, v: i64, pops: u32): void { start(); fromInteger(v); copyRtoB(); memory(false, pops); }
/** With a number or integer in memory */
export function FCOM32(ea: Mem): void { memory32(ea, 0); }
export function FCOMP32(ea: Mem): void { memory32(ea, 1); }
export function FCOM64(ea: Mem): void { memory64(ea, 0); }
export function FCOMP64(ea: Mem): void { memory64(ea, 1); }
export function FICOM16(ea: Mem): void { beginAt(ea); integer(ea, <i64><i16>read<u16>(ea), 0); }
export function FICOMP16(ea: Mem): void { beginAt(ea); integer(ea, <i64><i16>read<u16>(ea), 1); }
export function FICOM32(ea: Mem): void { beginAt(ea); integer(ea, <i64><i32>read<u32>(ea), 0); }
export function FICOMP32(ea: Mem): void { beginAt(ea); integer(ea, <i64><i32>read<u32>(ea), 1); }
/** FTST: ST(0) against 0.0 */
export function FTST(): void {
  begin();
  start();
  setB(ZERO_CLASS, 0, 0, 0);
  memory(false, 0);
}

/** FCOMI and friends set ZF PF CF; with an unmasked invalid operation the flags stay */
function compareFlags(i: u32, quiet: bool, pops: u32): void {
  begin();
  start();
  let r = UNORDERED, done: bool;
  if (isEmpty(0) || isEmpty(i)) done = stackFault(false);
  else {
    const d = unpackA80(st(0)), e = unpackB80(st(i));
    r = relation(quiet, d || e);
    done = report();
  }
  relationFlags(r);
  if (done && pops) pop();
}
export function FCOMI(i: u32): void { compareFlags(i, false, 0); }
export function FUCOMI(i: u32): void { compareFlags(i, true, 0); }
export function FCOMIP(i: u32): void { compareFlags(i, false, 1); }
export function FUCOMIP(i: u32): void { compareFlags(i, true, 1); }

/** FXAM: C1 = sign, C3 C2 C0 = class (also of an empty register) */
export function FXAM(): void {
  begin();
  start();
  const slot = st(0), se = signExponent(slot), sig = significand(slot), e = se & EXPONENT80;
  let codes: u32;
  if (isEmpty(0)) codes = C3 | C0;
  else if (e == EXPONENT80) codes = !(sig >> 63) ? 0 : sig == INTEGER_BIT ? C2 | C0 : C0;
  else if (e == 0) codes = sig ? C3 | C2 : C3;
  else codes = sig >> 63 ? C2 : 0;
  setCodes(codes | (se >> 15 ? C1 : 0));
}

/** FCMOVcc ST(0), ST(i) */
function conditionalMove(i: u32, condition: bool): void {
  begin();
  startQuietly();
  if (isEmpty(0) || isEmpty(i)) { underflows(isEmpty(0) ? 0 : i, 0, 0); return; }
  if (condition) { const s = st(i); setSt(0, signExponent(s), significand(s)); }
}
export function FCMOVB(i: u32): void { conditionalMove(i, CF()); }
export function FCMOVE(i: u32): void { conditionalMove(i, ZF()); }
export function FCMOVBE(i: u32): void { conditionalMove(i, CF() || ZF()); }
export function FCMOVU(i: u32): void { conditionalMove(i, PF()); }
export function FCMOVNB(i: u32): void { conditionalMove(i, !CF()); }
export function FCMOVNE(i: u32): void { conditionalMove(i, !ZF()); }
export function FCMOVNBE(i: u32): void { conditionalMove(i, !(CF() || ZF())); }
export function FCMOVNU(i: u32): void { conditionalMove(i, !PF()); }
