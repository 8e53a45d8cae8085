// SPDX-License-Identifier: LGPL-2.1-only
// AES and carry-less multiplication. SDM 2 "AESENC", "AESENCLAST", "AESDEC", "AESDECLAST", "AESIMC", "AESKEYGENASSIST", "PCLMULQDQ";
// SDM 1 "Programming with Intel AES-NI". Byte i of a vector is row i mod 4, column i / 4 of the cipher's state.
import { Reg } from "../state/registers";
import { highOf, lowOf, setXmm, wide, xmm, xmmSource } from "./simd_access";

/** The cipher's S-box and its inverse, 256 bytes each. */
const SBOX: usize = memory.data(256, 16);
const INVERSE_SBOX: usize = memory.data(256, 16);

/** GF(2^8) of AES: the polynomial of degree 8, the highest bit of an element, the constant of the affine map. */
@inline const POLYNOMIAL: u32 = 0x11b;
@inline const TOP_OF_BYTE: u32 = 0x80;
@inline const AFFINE: u32 = 0x63;

@inline function rotateByte(v: u32, n: u32): u32 { return ((v << n) | (v >> (8 - n))) & 0xff; }
/** Fills the tables: an affine map of the inverse in GF(2^8). `p` runs through all elements but 0, `q` is the inverse of `p`. */
function fillTables(): void {
  let p: u32 = 1, q: u32 = 1;
  do {
    p = (p ^ (p << 1) ^ (p & TOP_OF_BYTE ? POLYNOMIAL : 0)) & 0xff;                // × 3
    q ^= q << 1;                                                       // ÷ 3
    q ^= q << 2;
    q = (q ^ (q << 4)) & 0xff;
    if (q & TOP_OF_BYTE) q ^= 9;
    enter(p, q ^ rotateByte(q, 1) ^ rotateByte(q, 2) ^ rotateByte(q, 3) ^ rotateByte(q, 4) ^ AFFINE);
  } while (p != 1);
  enter(0, AFFINE);
}
function enter(from: u32, to: u32): void {
  store<u8>(SBOX + from, <u8>to);
  store<u8>(INVERSE_SBOX + to, <u8>from);
}
fillTables();

const scratch: usize = memory.data(16, 16);
/** Replaces each byte by that of a table. */
function substitute(v: v128, table: usize): v128 {
  store<v128>(scratch, v);
  for (let i: usize = 0; i < 16; i++) store<u8>(scratch + i, load<u8>(table + load<u8>(scratch + i)));
  return load<v128>(scratch);
}
@inline function shiftRows(v: v128): v128 { return i8x16.shuffle(v, v, 0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11); }
@inline function inverseShiftRows(v: v128): v128 { return i8x16.shuffle(v, v, 0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3); }
/** In each column, the byte of the next row, and of the row after that. */
@inline function nextRow(v: v128): v128 { return i8x16.shuffle(v, v, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12); }
@inline function secondRow(v: v128): v128 { return i8x16.shuffle(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13); }
/** Each byte × 2 in GF(2^8). */
@inline function twice(v: v128): v128 { return v128.xor(i8x16.shl(v, 1), v128.and(i8x16.shr_s(v, 7), i8x16.splat(0x1b))); }
/** 2·a0 + 3·a1 + a2 + a3 in each column, and so on. */
@inline function mixColumns(v: v128): v128 {
  const next = nextRow(v), rest = v128.xor(secondRow(v), nextRow(secondRow(v)));
  return v128.xor(twice(v128.xor(v, next)), v128.xor(next, rest));
}
/** 14·a0 + 11·a1 + 13·a2 + 9·a3 is mixColumns of a + 4·(a + a of the second row). */
@inline function inverseMixColumns(v: v128): v128 { return mixColumns(v128.xor(v, twice(twice(v128.xor(v, secondRow(v)))))); }

/** AESENC: one round of encryption. The last source is the round key. */
@inline export function AESENC<S>(d: Reg, s: S): void {
  const key = xmmSource<S>(s);
  setXmm(d, v128.xor(mixColumns(substitute(shiftRows(xmm(d)), SBOX)), key));
}
/** AESENCLAST: the last round of encryption: no mixing of columns. */
@inline export function AESENCLAST<S>(d: Reg, s: S): void {
  const key = xmmSource<S>(s);
  setXmm(d, v128.xor(substitute(shiftRows(xmm(d)), SBOX), key));
}
/** AESDEC: one round of the equivalent inverse cipher. */
@inline export function AESDEC<S>(d: Reg, s: S): void {
  const key = xmmSource<S>(s);
  setXmm(d, v128.xor(inverseMixColumns(substitute(inverseShiftRows(xmm(d)), INVERSE_SBOX)), key));
}
/** AESDECLAST: the last round of decryption. */
@inline export function AESDECLAST<S>(d: Reg, s: S): void {
  const key = xmmSource<S>(s);
  setXmm(d, v128.xor(substitute(inverseShiftRows(xmm(d)), INVERSE_SBOX), key));
}
/** AESIMC: makes a round key of the equivalent inverse cipher. */
@inline export function AESIMC<S>(d: Reg, s: S): void { setXmm(d, inverseMixColumns(xmmSource<S>(s))); }
/** AESKEYGENASSIST: of doublewords 1 and 3 the substituted bytes, and these rotated and added to the round constant. */
@inline export function AESKEYGENASSIST<S>(d: Reg, s: S, imm: u32): void {
  const v = substitute(xmmSource<S>(s), SBOX), low = i32x4.extract_lane(v, 1), high = i32x4.extract_lane(v, 3);
  const lowRotated = rotr<i32>(low, 8) ^ <i32>imm, highRotated = rotr<i32>(high, 8) ^ <i32>imm;
  setXmm(d, wide(<u64><u32>low | (<u64><u32>lowRotated << 32), <u64><u32>high | (<u64><u32>highRotated << 32)));
}

/** The immediate of PCLMULQDQ: the high half of SRC. */
@inline const SECOND_HIGH: u32 = 16;
/** PCLMULQDQ: bits 0 and 4 of the immediate choose the halves of DEST and SRC. */
@inline export function PCLMULQDQ<S>(d: Reg, s: S, imm: u32): void {
  const b = xmmSource<S>(s), a = xmm(d);
  setXmm(d, carryLessProduct(imm & 1 ? highOf(a) : lowOf(a), imm & SECOND_HIGH ? highOf(b) : lowOf(b)));
}
function carryLessProduct(a: u64, b: u64): v128 {
  let low: u64 = 0, high: u64 = 0;
  for (let i: u64 = 0; i < 64; i++) {
    if (!((b >> i) & 1)) continue;
    low ^= a << i;
    if (i) high ^= a >> (64 - i);
  }
  return wide(low, high);
}
