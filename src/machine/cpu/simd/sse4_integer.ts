// SPDX-License-Identifier: LGPL-2.1-only
// SSE4.1 and SSE4.2 on integers. SDM 2 "PBLENDVB", "PBLENDW", "PTEST", "PMOVSX", "PMOVZX", "PMULDQ", "PMULLD", "PCMPEQQ", "PCMPGTQ",
// "PACKUSDW", "PMIN…", "PMAX…", "PHMINPOSUW", "MPSADBW", "PEXTRB/PEXTRD/PEXTRQ", "PINSRB/PINSRD/PINSRQ", "CRC32".
import { value, write } from "../memory/access";
import { setArithmeticFlags } from "../state/flags";
import { XMM } from "../generated/layout";
import { xmm, setXmm, xmmSource, setZero64, wide } from "./simd_access";
import { sseCheck } from "../float/fpu_state";
import { Reg, setReg, reg } from "../state/registers";

/** Signed products of the even doublewords */
@inline export function PMULDQ<S>(d: Reg, s: S): void {
  const b = xmmSource<S>(s), a = xmm(d);
  setXmm(d, i64x2.mul(i64x2.shr_s(i64x2.shl(a, 32), 32), i64x2.shr_s(i64x2.shl(b, 32), 32)));
}
/** Element by element */
@inline export function PMULLD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i32x4.mul(xmm(d), b)); }
@inline export function PCMPEQQ<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i64x2.eq(xmm(d), b)); }
@inline export function PCMPGTQ<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i64x2.gt_s(xmm(d), b)); }
@inline export function PACKUSDW<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i16x8.narrow_i32x4_u(xmm(d), b)); }
@inline export function PMINSB<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i8x16.min_s(xmm(d), b)); }
@inline export function PMINSD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i32x4.min_s(xmm(d), b)); }
@inline export function PMINUW<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i16x8.min_u(xmm(d), b)); }
@inline export function PMINUD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i32x4.min_u(xmm(d), b)); }
@inline export function PMAXSB<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i8x16.max_s(xmm(d), b)); }
@inline export function PMAXSD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i32x4.max_s(xmm(d), b)); }
@inline export function PMAXUW<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i16x8.max_u(xmm(d), b)); }
@inline export function PMAXUD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, i32x4.max_u(xmm(d), b)); }

/** A source of fewer than 16 bytes, zero-extended: T is its integer type. */
@inline function narrowSource<T, S>(s: S): v128 { sseCheck(); return wide(<u64>value<T, S>(s), 0); }
/** PMOVSX, PMOVZX xmm, xmm/m64, m32, m16 */
@inline export function PMOVSXBW<S>(d: Reg, s: S): void { setXmm(d, i16x8.extend_low_i8x16_s(narrowSource<u64, S>(s))); }
@inline export function PMOVSXBD<S>(d: Reg, s: S): void {
  setXmm(d, i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(narrowSource<u32, S>(s))));
}
@inline export function PMOVSXBQ<S>(d: Reg, s: S): void {
  setXmm(d, i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(narrowSource<u16, S>(s)))));
}
@inline export function PMOVSXWD<S>(d: Reg, s: S): void { setXmm(d, i32x4.extend_low_i16x8_s(narrowSource<u64, S>(s))); }
@inline export function PMOVSXWQ<S>(d: Reg, s: S): void {
  setXmm(d, i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(narrowSource<u32, S>(s))));
}
@inline export function PMOVSXDQ<S>(d: Reg, s: S): void { setXmm(d, i64x2.extend_low_i32x4_s(narrowSource<u64, S>(s))); }
@inline export function PMOVZXBW<S>(d: Reg, s: S): void { setXmm(d, i16x8.extend_low_i8x16_u(narrowSource<u64, S>(s))); }
@inline export function PMOVZXBD<S>(d: Reg, s: S): void {
  setXmm(d, i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(narrowSource<u32, S>(s))));
}
@inline export function PMOVZXBQ<S>(d: Reg, s: S): void {
  setXmm(d, i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(narrowSource<u16, S>(s)))));
}
@inline export function PMOVZXWD<S>(d: Reg, s: S): void { setXmm(d, i32x4.extend_low_i16x8_u(narrowSource<u64, S>(s))); }
@inline export function PMOVZXWQ<S>(d: Reg, s: S): void {
  setXmm(d, i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(narrowSource<u32, S>(s))));
}
@inline export function PMOVZXDQ<S>(d: Reg, s: S): void { setXmm(d, i64x2.extend_low_i32x4_u(narrowSource<u64, S>(s))); }

/** Blends by the sign bits of XMM0 */
@inline export function PBLENDVB<S>(d: Reg, s: S): void {
  const b = xmmSource<S>(s);
  setXmm(d, v128.bitselect(b, xmm(d), i8x16.shr_s(load<v128>(XMM), 7)));
}
@inline export function BLENDVPS<S>(d: Reg, s: S): void {
  const b = xmmSource<S>(s);
  setXmm(d, v128.bitselect(b, xmm(d), i32x4.shr_s(load<v128>(XMM), 31)));
}
@inline export function BLENDVPD<S>(d: Reg, s: S): void {
  const b = xmmSource<S>(s);
  setXmm(d, v128.bitselect(b, xmm(d), i64x2.shr_s(load<v128>(XMM), 63)));
}
/** Blends by the bits of an immediate: lanes of `bytes` bytes */
@inline export function PBLENDW<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmSource<S>(s);
  setXmm(d, v128.bitselect(b, xmm(d), i16x8.ne(v128.and(i16x8.splat(<i16>imm), i16x8(1, 2, 4, 8, 16, 32, 64, 128)), i64x2.splat(0))));
}
@inline export function BLENDPS<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmSource<S>(s);
  setXmm(d, v128.bitselect(b, xmm(d), i32x4.ne(v128.and(i32x4.splat(<i32>imm), i32x4(1, 2, 4, 8)), i64x2.splat(0))));
}
@inline export function BLENDPD<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmSource<S>(s);
  setXmm(d, v128.bitselect(b, xmm(d), i64x2.ne(v128.and(i64x2.splat(<i64>imm), i64x2(1, 2)), i64x2.splat(0))));
}

/** PTEST: ZF = no common bit, CF = SRC has no bit that DEST lacks */
@inline export function PTEST<S>(d: Reg, s: S): void {
  const b = xmmSource<S>(s), a = xmm(d);
  setArithmeticFlags((v128.any_true(v128.and(a, b)) ? 0 : 0x40) | (v128.any_true(v128.andnot(b, a)) ? 0 : 1));
}

/** Copies of operands whose elements are addressed by number. */
const first: usize = memory.data(16, 16);
const second: usize = memory.data(16, 16);
/** PHMINPOSUW: smallest word and its place */
function smallestWord(v: v128): u64 {
  store<v128>(first, v);
  let least: u64 = 0xffff, at: u64 = 0;
  for (let i: u64 = 0; i < 8; i++) {
    const w = <u64>load<u16>(first + <usize>(i << 1));
    if (w < least) { least = w; at = i; }
  }
  return least | at << 16;
}
@inline export function PHMINPOSUW<S>(d: Reg, s: S): void { setZero64(d, smallestWord(xmmSource<S>(s))); }
/** The immediate of MPSADBW: the window begins 4 bytes later. */
@inline const SECOND_WINDOW: u32 = 4;
/** MPSADBW: eight sums of four absolute differences, of a sliding window of DEST against one block of SRC */
function slidingSums(a: v128, b: v128, imm: u32): v128 {
  store<v128>(first, a); store<v128>(second, b);
  const block = second + ((imm & 3) << 2), start = first + (imm & SECOND_WINDOW);
  let low: u64 = 0, high: u64 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    let sum: u64 = 0;
    for (let j: u32 = 0; j < 4; j++) {
      const x = <i32>load<u8>(start + i + j) - <i32>load<u8>(block + j);
      sum += <u64>(x < 0 ? -x : x);
    }
    if (i < 4) low |= sum << (i << 4); else high |= sum << ((i - 4) << 4);
  }
  return wide(low, high);
}
@inline export function MPSADBW<S>(d: Reg, s: S, imm: u32): void { const b = xmmSource<S>(s); setXmm(d, slidingSums(xmm(d), b, imm)); }

/** PEXTRB, PEXTRW r/m, xmm, imm8: a register gets the element zero-extended */
@inline export function PEXTRB<D>(d: D, s: Reg, imm: u32): void {
  sseCheck();
  const v = load<u8>(<usize>s + (imm & 15));
  if (sizeof<D>() == 4) setReg<u32>(<Reg>d, v); else write<u8>(<u64>d, v);
}
@inline export function PEXTRWstore<D>(d: D, s: Reg, imm: u32): void {
  sseCheck();
  const v = load<u16>(<usize>s + ((imm & 7) << 1));
  if (sizeof<D>() == 4) setReg<u32>(<Reg>d, v); else write<u16>(<u64>d, v);
}
/** PEXTRD, PEXTRQ (T) and EXTRACTPS */
@inline export function PEXTRD<T, D>(d: D, s: Reg, imm: u32): void {
  sseCheck();
  const v = load<T>(<usize>s + ((imm & (sizeof<T>() == 8 ? 1 : 3)) * <u32>sizeof<T>()));
  if (sizeof<D>() == 4) setReg<T>(<Reg>d, v); else write<T>(<u64>d, v);
}
@inline export function PINSRB<S>(d: Reg, s: S, imm: u32): void {
  sseCheck();
  const v = value<u8, S>(s);
  store<u8>(<usize>d + (imm & 15), v);
}
@inline export function PINSRD<T, S>(d: Reg, s: S, imm: u32): void {
  sseCheck();
  const v = value<T, S>(s);
  store<T>(<usize>d + ((imm & (sizeof<T>() == 8 ? 1 : 3)) * <u32>sizeof<T>()), v);
}

/** CRC-32C (polynomial 11EDC6F41h, bits reversed) of the low `bits` bits of v. */
function crc(start: u32, v: u64, bits: u32): u32 {
  let c = start;
  for (let i: u32 = 0; i < bits; i++) { c = c >> 1 ^ (((c ^ <u32>v) & 1) ? 0x82f63b78 : 0); v >>= 1; }
  return c;
}
/** CRC32 r32/r64, r/m: U is the type of the source; the result is always zero-extended from 32 bits */
@inline export function CRC32<U, S>(d: Reg, s: S): void {
  const v = <u64>value<U, S>(s);
  setReg<u32>(d, crc(reg<u32>(d), v, <u32>sizeof<U>() << 3));
}
