// SPDX-License-Identifier: LGPL-2.1-only
// Bit manipulation with VEX prefix (BMI1 and BMI2): SDM 2 "ANDN", "BEXTR", "BLSI", "BLSMSK", "BLSR", "BZHI", "MULX", "PDEP", "PEXT",
// "RORX", "SARX/SHLX/SHRX". TZCNT and LZCNT are in bit.ts. Flags that the manual calls undefined follow the result, or are 0.
import { RDX } from "../generated/layout";
import { value } from "../memory/access";
import { flagsCO, flagsLogic } from "../state/flags";
import { Reg, reg, setReg, sx } from "../state/registers";
import { high } from "./multiply";

/** ANDN: DEST := NOT SRC1 AND SRC2; SF ZF by the result, CF and OF 0. */
@inline export function ANDN<T, S>(d: Reg, a: Reg, s: S): void {
  const b = value<T, S>(s), r = <T>(~reg<T>(a) & b);
  setReg<T>(d, r);
  flagsLogic<T>(r);
}

/** The low `count` bits set. */
@inline function lowBits(count: u64): u64 { return count > 63 ? ~(<u64>0) : (<u64>1 << count) - 1; }

/** BEXTR: bits of SRC from START = bits 7:0 of the control, as many as bits 15:8 say; ZF by the result, CF and OF 0. */
@inline export function BEXTR<T, S>(d: Reg, s: S, control: Reg): void {
  const v = <u64>value<T, S>(s), c = <u64>reg<u16>(control), start = c & 255;
  const r = <T>(start > 63 ? 0 : (v >> start) & lowBits(c >> 8));
  setReg<T>(d, r);
  flagsLogic<T>(r);
}

/** BLSI: the lowest set bit; CF = SRC is not 0. */
@inline export function BLSI<T, S>(d: Reg, s: S): void {
  const v = value<T, S>(s), r = <T>(v & (<T>0 - v));
  setReg<T>(d, r);
  flagsCO<T>(r, u64(v != 0), 0);
}

/** BLSMSK: the bits up to the lowest set one; CF = SRC is 0. */
@inline export function BLSMSK<T, S>(d: Reg, s: S): void {
  const v = value<T, S>(s), r = <T>(v ^ <T>(v - 1));
  setReg<T>(d, r);
  flagsCO<T>(r, u64(v == 0), 0);
}

/** BLSR: the lowest set bit becomes 0; CF = SRC is 0. */
@inline export function BLSR<T, S>(d: Reg, s: S): void {
  const v = value<T, S>(s), r = <T>(v & <T>(v - 1));
  setReg<T>(d, r);
  flagsCO<T>(r, u64(v == 0), 0);
}

/** BZHI: the bits from bits 7:0 of the index on become 0; CF = the index is not below the operand size. */
@inline export function BZHI<T, S>(d: Reg, s: S, index: Reg): void {
  const v = value<T, S>(s), n = <u64>reg<u8>(index), r = <T>(<u64>v & lowBits(n));
  setReg<T>(d, r);
  flagsCO<T>(r, u64(n >= sizeof<T>() * 8), 0);
}

/** MULX: RDX × SRC without flags; if both destinations are one register, it gets the upper half. */
@inline export function MULX<T, S>(upper: Reg, lower: Reg, s: S): void {
  const a = <u64>reg<T>(RDX), b = <u64>value<T, S>(s), r = a * b;
  setReg<T>(lower, <T>r);
  setReg<T>(upper, <T>(sizeof<T>() == 8 ? high(a, b) : r >> 32));
}

/** Low bits of `v`, in order, at the places of the set bits of `mask`. */
function deposit(v: u64, mask: u64): u64 {
  let r: u64 = 0;
  for (let rest = mask; rest != 0; rest &= rest - 1) {
    if (v & 1) r |= rest & (0 - rest);
    v >>= 1;
  }
  return r;
}
/** Bits of `v` at the places of the set bits of `mask`, in order. */
function extract(v: u64, mask: u64): u64 {
  let r: u64 = 0, n: u64 = 0;
  for (let rest = mask; rest != 0; rest &= rest - 1) r |= ((v >> ctz<u64>(rest)) & 1) << n++;
  return r;
}
/** PDEP: bits of SRC to the places that the mask chooses. */
export function PDEP<T, S>(d: Reg, a: Reg, mask: S): void {
  const chosen = <u64>value<T, S>(mask);
  setReg<T>(d, <T>deposit(<u64>reg<T>(a), chosen));
}
/** PEXT: bits of SRC from the places that the mask chooses. */
export function PEXT<T, S>(d: Reg, a: Reg, mask: S): void {
  const chosen = <u64>value<T, S>(mask);
  setReg<T>(d, <T>extract(<u64>reg<T>(a), chosen));
}

/** RORX: no flags. */
@inline export function RORX<T, S>(d: Reg, s: S, count: u32): void {
  const v = value<T, S>(s);
  setReg<T>(d, sizeof<T>() == 8 ? <T>rotr<u64>(<u64>v, <u64>count) : <T>rotr<u32>(<u32>v, count));
}

/** The count of a shift without flags. */
@inline function countOf<T>(count: Reg): u64 { return <u64>reg<u8>(count) & (sizeof<T>() * 8 - 1); }
/** SARX: no flags. */
@inline export function SARX<T, S>(d: Reg, s: S, count: Reg): void {
  const v = value<T, S>(s), n = countOf<T>(count);
  setReg<T>(d, <T>(sx<T>(v) >> <i64>n));
}
/** SHLX: no flags. */
@inline export function SHLX<T, S>(d: Reg, s: S, count: Reg): void {
  const v = value<T, S>(s), n = countOf<T>(count);
  setReg<T>(d, <T>(<u64>v << n));
}
/** SHRX: no flags. */
@inline export function SHRX<T, S>(d: Reg, s: S, count: Reg): void {
  const v = value<T, S>(s), n = countOf<T>(count);
  setReg<T>(d, <T>(<u64>v >> n));
}
