// SPDX-License-Identifier: LGPL-2.1-only
// Multiplication and division: SDM Volume 1 "Multiply and Divide Instructions".
// MUL and IMUL: CF = OF = the product does not fit the lower half; SF ZF AF PF are undefined and follow the lower half here.
// DIV and IDIV: all flags are undefined and stay; every #DE comes before a register changes.
import { value } from "../memory/access";
import { flagsCO } from "../state/flags";
import { DE } from "../generated/architecture";
import { raise } from "../events/raise";
import { RAX, RDX } from "../generated/layout";
import { Reg, reg, setReg, sx } from "../state/registers";

/** Bits 127:64 of an unsigned product. */
@inline export function high(a: u64, b: u64): u64 {
  const al = a & 0xffffffff, ah = a >> 32, bl = b & 0xffffffff, bh = b >> 32;
  const m = ah * bl + ((al * bl) >> 32), n = al * bh + (m & 0xffffffff);
  return ah * bh + (m >> 32) + (n >> 32);
}

/** Bits 127:64 of a signed product. */
@inline function highSigned(a: u64, b: u64): u64 { return high(a, b) - (<u64>(<i64>a >> 63) & b) - (<u64>(<i64>b >> 63) & a); }

/** MUL: AX := AL × SRC, or rDX:rAX := rAX × SRC. SDM 2B "MUL—Unsigned Multiply". */
@inline export function MUL<T, S>(s: S): void {
  const a = <u64>reg<T>(RAX), b = <u64>value<T, S>(s), r = a * b;
  if (sizeof<T>() == 8) {
    const h = high(a, b);
    setReg<u64>(RAX, r);
    setReg<u64>(RDX, h);
    flagsCO<u64>(r, u64(h != 0), u64(h != 0));
  } else {
    const over = u64(r >> (sizeof<T>() * 8) != 0);
    if (sizeof<T>() == 1) setReg<u16>(RAX, <u16>r);
    else {
      setReg<T>(RAX, <T>r);
      setReg<T>(RDX, <T>(r >> (sizeof<T>() * 8)));
    }
    flagsCO<T>(<T>r, over, over);
  }
}

/** IMUL with one operand. SDM 2A "IMUL—Signed Multiply". */
@inline export function IMUL1<T, S>(s: S): void {
  const a = sx<T>(reg<T>(RAX)), b = sx<T>(value<T, S>(s)), r = a * b;
  const over = sizeof<T>() == 8 ? u64(highSigned(a, b) != <u64>(r >> 63)) : u64(sx<T>(<T>r) != r);
  if (sizeof<T>() == 1) setReg<u16>(RAX, <u16>r);
  else if (sizeof<T>() == 8) {
    setReg<u64>(RAX, r);
    setReg<u64>(RDX, highSigned(a, b));
  } else {
    setReg<T>(RAX, <T>r);
    setReg<T>(RDX, <T>(r >> (sizeof<T>() * 8)));
  }
  flagsCO<T>(<T>r, over, over);
}

/** The truncated product of IMUL with two or three operands. */
@inline function truncated<T>(d: Reg, a: i64, b: i64): void {
  const r = a * b, over = sizeof<T>() == 8 ? u64(highSigned(a, b) != <u64>(r >> 63)) : u64(sx<T>(<T>r) != r);
  setReg<T>(d, <T>r);
  flagsCO<T>(<T>r, over, over);
}

/** IMUL r, r/m. */
@inline export function IMUL2<T, S>(d: Reg, s: S): void { truncated<T>(d, sx<T>(reg<T>(d)), sx<T>(value<T, S>(s))); }

/** IMUL r, r/m, imm. */
@inline export function IMUL3<T, S>(d: Reg, s: S, imm: i64): void { truncated<T>(d, sx<T>(value<T, S>(s)), sx<T>(<T>imm)); }

/** Remainder of the last `divide`. */
let remainder: u64 = 0;

/** (hi:lo) ÷ d for hi < d: schoolbook division in two 32-bit digits, each estimate corrected at most twice. Returns the quotient. */
function divide(hi: u64, lo: u64, d: u64): u64 {
  if (hi == 0) {
    remainder = lo % d;
    return lo / d;
  }
  const s = clz<u64>(d), v = d << s, v1 = v >> 32, v0 = v & 0xffffffff;
  let u = s ? (hi << s) | (lo >> (64 - s)) : hi;
  const l = lo << s, q1 = digit(u, l >> 32, v1, v0);
  u = ((u << 32) | (l >> 32)) - q1 * v;
  const q0 = digit(u, l & 0xffffffff, v1, v0);
  remainder = (((u << 32) | (l & 0xffffffff)) - q0 * v) >> s;
  return (q1 << 32) | q0;
}

/** One quotient digit: u:next (96 bits) ÷ v1:v0, with the divisor's top bit set. */
function digit(u: u64, next: u64, v1: u64, v0: u64): u64 {
  let q = u / v1, r = u % v1;
  while (q >> 32 != 0 || q * v0 > ((r << 32) | next)) {
    q--;
    r += v1;
    if (r >> 32 != 0) break;
  }
  return q;
}

/** Stores quotient and remainder: AL and AH, or rAX and rDX. */
@inline function setQuotient<T>(q: T, r: T): void {
  setReg<T>(RAX, q);
  if (sizeof<T>() == 1) setReg<u8>(RAX + 1, <u8>r); else setReg<T>(RDX, r);
}

/** The dividend of a 8-, 16- or 32-bit division: AX, or rDX:rAX. */
@inline function dividend<T>(): u64 {
  if (sizeof<T>() == 1) return <u64>reg<u16>(RAX);
  const bits = sizeof<T>() * 8;
  return (<u64>reg<T>(RDX) << bits) | <u64>reg<T>(RAX);
}

/** DIV. SDM 2A "DIV—Unsigned Divide". */
export function DIV<T, S>(s: S): void {
  const d = <u64>value<T, S>(s);
  if (d == 0) raise(DE);
  if (sizeof<T>() == 8) {
    const h = reg<u64>(RDX);
    if (h >= d) raise(DE);
    const q = divide(h, reg<u64>(RAX), d);
    setQuotient<u64>(q, remainder);
  } else {
    const a = dividend<T>(), q = a / d;
    if (q >> (sizeof<T>() * 8) != 0) raise(DE);
    setQuotient<T>(<T>q, <T>(a % d));
  }
}

/** IDIV: truncates towards 0; the remainder has the dividend's sign. SDM 2A "IDIV—Signed Divide". */
export function IDIV<T, S>(s: S): void {
  const d = sx<T>(value<T, S>(s));
  if (d == 0) raise(DE);
  if (sizeof<T>() == 8) divideSigned128(d);
  else if (sizeof<T>() == 4) {
    const a = <i64>dividend<T>();
    if (a == i64.MIN_VALUE && d == -1) raise(DE);                      // the one quotient that 64 bits do not hold
    const q = a / d;
    if (q != <i64><i32>q) raise(DE);
    setQuotient<T>(<T>q, <T>(a % d));
  } else {
    const a = sizeof<T>() == 1 ? <i64><i16>dividend<T>() : <i64><i32>dividend<T>(), q = a / d;
    if (q != sx<T>(<T>q)) raise(DE);
    setQuotient<T>(<T>q, <T>(a % d));
  }
}

/** RDX:RAX ÷ d, signed, by magnitudes. */
function divideSigned128(d: i64): void {
  let lo = reg<u64>(RAX), hi = reg<u64>(RDX);
  const negative = <i64>hi < 0;
  if (negative) {
    lo = 0 - lo;
    hi = ~hi + u64(lo == 0);
  }
  const m = d < 0 ? 0 - <u64>d : <u64>d;
  if (hi >= m) raise(DE);
  const q = divide(hi, lo, m), minus = negative != d < 0;
  if (q > (minus ? <u64>1 << 63 : <u64>i64.MAX_VALUE)) raise(DE);
  setQuotient<u64>(minus ? 0 - q : q, negative ? 0 - remainder : remainder);
}
