// SPDX-License-Identifier: LGPL-2.1-only
// SSE3. SDM 2 "ADDSUBPS", "ADDSUBPD", "HADDPS", "HADDPD", "HSUBPS", "HSUBPD", "MOVDDUP", "MOVSLDUP", "MOVSHDUP" (LDDQU is MOVDQU, FISTTP
// is x87).
import { xmm, setXmm, xmmSource, xmmSource64, lowOf, highOf, wide } from "./simd_access";
import { addSub32, addSub64, packed32, packed64 } from "./sse_packed";
import { OP_ADD, OP_SUB } from "./sse_float";
import { Reg } from "../state/registers";

/** Even lanes subtract, odd lanes add */
@inline export function ADDSUBPS<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, addSub32(xmm(d), b)); }
@inline export function ADDSUBPD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, addSub64(xmm(d), b)); }

/** Horizontal operations: neighbours of DEST give the low half of the result, those of SRC the high half */
function horizontal32(op: u32, a: v128, b: v128): v128 {
  return packed32(op, i8x16.shuffle(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27),
    i8x16.shuffle(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31));
}
function horizontal64(op: u32, a: v128, b: v128): v128 { return packed64(op, wide(lowOf(a), lowOf(b)), wide(highOf(a), highOf(b))); }
@inline export function HADDPS<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, horizontal32(OP_ADD, xmm(d), b)); }
@inline export function HADDPD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, horizontal64(OP_ADD, xmm(d), b)); }
@inline export function HSUBPS<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, horizontal32(OP_SUB, xmm(d), b)); }
@inline export function HSUBPD<S>(d: Reg, s: S): void { const b = xmmSource<S>(s); setXmm(d, horizontal64(OP_SUB, xmm(d), b)); }

/** Duplications */
@inline export function MOVDDUP<S>(d: Reg, s: S): void { setXmm(d, i64x2.splat(<i64>xmmSource64<S>(s))); }
@inline export function MOVSLDUP<S>(d: Reg, s: S): void {
  const b = xmmSource<S>(s);
  setXmm(d, i8x16.shuffle(b, b, 0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11));
}
@inline export function MOVSHDUP<S>(d: Reg, s: S): void {
  const b = xmmSource<S>(s);
  setXmm(d, i8x16.shuffle(b, b, 4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15));
}
