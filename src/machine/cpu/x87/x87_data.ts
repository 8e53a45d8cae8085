// SPDX-License-Identifier: LGPL-2.1-only
// x87 loads, stores, constants and exchanges. SDM 2 "FLD", "FILD", "FBLD", "FST/FSTP", "FIST/FISTP", "FISTTP", "FBSTP", "FLD1/…/FLDZ",
// "FXCH", "FFREE", "FINCSTP".
import { read, write, probe } from "../memory/access";
import { partAddress } from "../memory/operand_part";
import {
  aClass, aSign, aExp, aSig, rClass, FINITE, QNAN, INVALID, IE, DE, raised, setR, addRaised, setRaised, round,
  toInteger, fromInteger, copyAtoB, UP, NEAREST, setRoundedUp, OE, UE, PE, clearRaised, RANGE,
} from "../float/soft_float";
import {
  begin, beginAt, clearC1, start, startQuietly, report, isEmpty, underflows, st, physical, pushOverflows, stackFault,
  unpackA80, pop, push, putR, setSt, significand, signExponent, setTop, top, x87Rounding, unmaskedX87, NAN80_SE,
  NAN80_SIG, SIGN80,
} from "./x87_state";
import { unpackA32, unpackA64, pack32, pack64, NAN32, NAN64, EXPONENT32, EXPONENT64, QUIET32, QUIET64 } from "../float/float_formats";
import { nanResult } from "./x87_arithmetic";
import { X87_IP, X87_TAGS } from "../generated/layout";
import { currentRip } from "../state/instruction";
import { Mem } from "../state/registers";

/**
 * Pushes a, a number of a shorter format: exact; a signalling NaN is invalid, a denormal raises DE but is loaded even if that is unmasked.
 */
function loadNumber(denormal: bool): void {
  if (pushOverflows()) return;
  if (aClass >= QNAN) { copyAtoB(); nanResult(); } else setR(aClass, aSign, aExp, aSig);
  if (denormal) addRaised(DE);
  report();
  if (raised & IE & unmaskedX87()) return;
  push();
  putR(0);
}
export function FLD32(ea: Mem): void { beginAt(ea); const v = read<u32>(ea); start(); loadNumber(unpackA32(v, false)); }
export function FLD64(ea: Mem): void { beginAt(ea); const v = read<u64>(ea); start(); loadNumber(unpackA64(v, false)); }
/** Pushes 80 bits as they are */
function loadRaw(se: u32, sig: u64): void {
  if (pushOverflows()) return;
  push();
  setSt(0, se, sig);
}
export function FLD80(ea: Mem): void {
  beginAt(ea);
  const sig = read<u64>(ea), se = <u32>read<u16>(partAddress(ea, 8));
  start();
  loadRaw(se, sig);
}
/** FLD ST(i) */
export function FLD(i: u32): void {
  begin();
  start();
  if (isEmpty(i)) { if (stackFault(false)) { push(); setSt(0, NAN80_SE, NAN80_SIG); } return; }
  const s = st(i);
  loadRaw(signExponent(s), significand(s));
}
function loadInteger(v: i64): void {
  start();
  if (pushOverflows()) return;
  fromInteger(v);
  push();
  putR(0);
}
export function FILD16(ea: Mem): void { beginAt(ea); loadInteger(<i64><i16>read<u16>(ea)); }
export function FILD32(ea: Mem): void { beginAt(ea); loadInteger(<i64><i32>read<u32>(ea)); }
export function FILD64(ea: Mem): void { beginAt(ea); loadInteger(<i64>read<u64>(ea)); }
/** FBLD: 18 decimal digits and a sign */
export function FBLD(ea: Mem): void {
  beginAt(ea);
  const low = read<u64>(ea), high = <u32>read<u16>(partAddress(ea, 8));
  let v: u64 = <u64>(high >> 4 & 15) * 10 + <u64>(high & 15);
  for (let i = 60; i >= 0; i -= 4) v = v * 10 + (low >> i & 15);
  start();
  if (pushOverflows()) return;
  fromInteger(<i64>v);
  push();
  putR(0);
  if (high >> 15) setSt(0, signExponent(st(0)) | SIGN80, significand(st(0)));
}

/** Constants, rounded by RC from 67 bits or more: [truncated significand, whether the next bits are above one half]. */
function constant(exp: u32, sig: u64, above: bool): void {
  begin();
  start();
  const rc = x87Rounding();
  loadRaw(exp, sig + u64(rc == UP || (rc == NEAREST && above)));
}
export function FLD1(): void { begin(); start(); loadRaw(0x3fff, 0x8000000000000000); }
export function FLDZ(): void { begin(); start(); loadRaw(0, 0); }
export function FLDL2T(): void { constant(0x4000, 0xd49a784bcd1b8afe, false); }
export function FLDL2E(): void { constant(0x3fff, 0xb8aa3b295c17f0bb, true); }
export function FLDPI(): void { constant(0x4000, 0xc90fdaa22168c234, true); }
export function FLDLG2(): void { constant(0x3ffd, 0x9a209a84fbcff798, true); }
export function FLDLN2(): void { constant(0x3ffe, 0xb17217f7d1cf79ab, true); }

/**
 * Stores to memory: faults of memory come before the other exceptions of the FPU, so the destination is probed. With an invalid operation,
 * an overflow or an underflow that is not masked nothing is stored, and memory is not looked at. The SDM leaves the order open; Intel's
 * processors show this, AMD's look at memory first (test/differential, `x87StoreFault`).
 */
@inline function isRefused(): bool { return (raised & (IE | OE | UE) & unmaskedX87()) != 0; }
/** True when ST(0) is empty, an invalid operation. */
function beginStore(ea: u64): bool {
  beginAt(ea);
  clearRaised();
  if (!isEmpty(0)) return false;
  setRaised(IE);
  return true;
}
/** After the destination was probed, what `start` does before a computation. */
@inline function startStore(): void { store<u64>(X87_IP, currentRip()); clearC1(); }

function storeSingle(ea: Mem, pops: u32): void {
  const empty = beginStore(ea);
  if (!empty) { unpackA80(st(0)); roundTo(24, -126, 127); }
  if (!isRefused()) probe(ea, 4, 4, 1);
  startStore();
  let v: u32 = NAN32;
  if (empty) { if (!stackFault(false)) return; }
  else {
    v = rClass >= QNAN ? nan32() : pack32();
    if (!stored()) return;
  }
  write<u32>(ea, v);
  if (pops) pop();
}
function storeDouble(ea: Mem, pops: u32): void {
  const empty = beginStore(ea);
  if (!empty) { unpackA80(st(0)); roundTo(53, -1022, 1023); }
  if (!isRefused()) probe(ea, 8, 8, 1);
  startStore();
  let v: u64 = NAN64;
  if (empty) { if (!stackFault(false)) return; }
  else {
    v = rClass >= QNAN ? nan64() : pack64();
    if (!stored()) return;
  }
  write<u64>(ea, v);
  if (pops) pop();
}
function roundTo(precision: u32, minExp: i32, maxExp: i32): void {
  if (aClass >= QNAN) { copyAtoB(); nanResult(); return; }
  setR(aClass, aSign, aExp, aSig);
  if (aClass == FINITE) round(precision, minExp, maxExp, x87Rounding(), unmaskedX87() & RANGE, false, 0);
}
/** NaN that nanResult left in r, shortened. */
function nan32(): u32 { return rClass == INVALID ? NAN32 : aSign << 31 | (EXPONENT32 | QUIET32) | <u32>(aSig << 1 >> 41); }
function nan64(): u64 { return rClass == INVALID ? NAN64 : <u64>aSign << 63 | (EXPONENT64 | QUIET64) | aSig << 1 >> 12; }
/** Reports; with an unmasked overflow or underflow (or invalid operation) a destination in memory stays as it is. */
function stored(): bool {
  const fatal = raised & (OE | UE) & unmaskedX87();
  if (fatal) { setRaised(raised & ~PE); setRoundedUp(false); }
  return report() && !fatal;
}
export function FST32(ea: Mem): void { storeSingle(ea, 0); }
export function FSTP32(ea: Mem): void { storeSingle(ea, 1); }
export function FST64(ea: Mem): void { storeDouble(ea, 0); }
export function FSTP64(ea: Mem): void { storeDouble(ea, 1); }
/** Ten bytes in two parts: when the second one faults the first is stored (test/differential, `tenByteStore`). */
function write80(ea: u64, low: u64, high: u32): void {
  write<u64>(ea, low);
  write<u16>(partAddress(ea, 8), <u16>high);
}
export function FSTP80(ea: Mem): void {
  const empty = beginStore(ea);
  let se = NAN80_SE, sig = NAN80_SIG;
  if (!empty) { const s = st(0); se = signExponent(s); sig = significand(s); }
  if (!isRefused()) write80(ea, sig, se);
  startStore();
  if (empty && !stackFault(false)) return;
  pop();
}
/** FST ST(i), FSTP ST(i) */
function storeRegister(i: u32, pops: u32): void {
  begin();
  start();
  if (underflows(0, i, pops)) return;
  const s = st(0);
  setSt(i, signExponent(s), significand(s));
  if (pops) pop();
}
export function FST(i: u32): void { storeRegister(i, 0); }
export function FSTP(i: u32): void { storeRegister(i, 1); }
/** D9 D8+i, undocumented: an FSTP that an empty ST(0) does not disturb */
export function FSTPNCE(i: u32): void { begin(); start(); if (isEmpty(0)) pop(); else storeRegister(i, 1); }

/** Integer of `bits` bits from ST(0); `canStore` says whether it may be stored. */
let canStore: bool = false;
function integer(ea: Mem, bits: u32, truncate: bool): u64 {
  const empty = beginStore(ea);
  let v: u64 = <u64>1 << (bits - 1);
  if (!empty) { unpackA80(st(0)); v = <u64>toInteger(bits, truncate ? 3 : x87Rounding()); }
  if (!isRefused()) probe(ea, bits >> 3, bits >> 3, 1);
  startStore();
  canStore = empty ? stackFault(false) : report();
  return v;
}
export function FIST16(ea: Mem): void { const v = integer(ea, 16, false); if (canStore) write<u16>(ea, <u16>v); }
export function FIST32(ea: Mem): void { const v = integer(ea, 32, false); if (canStore) write<u32>(ea, <u32>v); }
export function FISTP16(ea: Mem): void { const v = integer(ea, 16, false); if (canStore) { write<u16>(ea, <u16>v); pop(); } }
export function FISTP32(ea: Mem): void { const v = integer(ea, 32, false); if (canStore) { write<u32>(ea, <u32>v); pop(); } }
export function FISTP64(ea: Mem): void { const v = integer(ea, 64, false); if (canStore) { write<u64>(ea, v); pop(); } }
export function FISTTP16(ea: Mem): void { const v = integer(ea, 16, true); if (canStore) { write<u16>(ea, <u16>v); pop(); } }
export function FISTTP32(ea: Mem): void { const v = integer(ea, 32, true); if (canStore) { write<u32>(ea, <u32>v); pop(); } }
export function FISTTP64(ea: Mem): void { const v = integer(ea, 64, true); if (canStore) { write<u64>(ea, v); pop(); } }

/** FBSTP: packed decimal; more than 18 digits is invalid and gives the indefinite */
export function FBSTP(ea: Mem): void {
  const empty = beginStore(ea);
  let low: u64 = 0xc000000000000000, high: u32 = 0xffff;
  if (!empty) {
    unpackA80(st(0));
    const sign = aSign, v = toInteger(64, x87Rounding()), m = v < 0 ? <u64>-v : <u64>v;
    if (m > 999999999999999999) { clearRaised(); setRaised(IE); }
    else if (!(raised & IE)) {
      low = 0;
      let rest = m;
      for (let i = 0; i < 64; i += 4) { low |= rest % 10 << i; rest /= 10; }
      high = <u32>rest % 10 | <u32>(rest / 10) << 4 | sign << 15;
    }
  }
  if (!isRefused()) write80(ea, low, high);
  startStore();
  if (empty ? !stackFault(false) : !report()) return;
  pop();
}

/** FXCH: an empty register counts as the default NaN when the stack fault is masked */
export function FXCH(i: u32): void {
  begin();
  start();
  if (isEmpty(0) || isEmpty(i)) {
    if (!stackFault(false)) return;
    if (isEmpty(0)) setSt(0, NAN80_SE, NAN80_SIG);
    if (isEmpty(i)) setSt(i, NAN80_SE, NAN80_SIG);
  }
  const a = st(0), b = st(i), ase = signExponent(a), asig = significand(a);
  setSt(0, signExponent(b), significand(b));
  setSt(i, ase, asig);
}
function free(i: u32): void { store<u32>(X87_TAGS, load<u32>(X87_TAGS) & ~(1 << physical(i))); }
/** FFREE, FFREEP (undocumented: also pops), FINCSTP, FDECSTP, FNOP */
export function FFREE(i: u32): void { begin(); start(); free(i); }
export function FFREEP(i: u32): void { begin(); start(); free(i); pop(); }
export function FINCSTP(): void { begin(); start(); setTop(top() + 1); }
export function FDECSTP(): void { begin(); start(); setTop(top() - 1); }
export function FNOP(): void { begin(); startQuietly(); }
