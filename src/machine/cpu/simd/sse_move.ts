// SPDX-License-Identifier: LGPL-2.1-only
// SSE and SSE2 data movement. SDM 2 "MOVAPS", "MOVUPS", "MOVDQA", "MOVQ", "MOVD/MOVQ", "MOVLPS", "MOVHPS", "MOVSS", "MOVSD", "MOVNT…".
import { read, write, value } from "../memory/access";
import {
  xmm, setXmm, xmmSource, xmmUnaligned, xmmSource64, xmmSource32, low64, high64, low32, setLow64, setHigh64, setLow32,
  setZero64, mmxSource, setMmx,
} from "./simd_access";
import { sseCheck, mmxCheck, mmxBegin, aligned16 } from "../float/fpu_state";
import { Reg, Mem, reg, setReg } from "../state/registers";

/** MOVAPS, MOVAPD, MOVDQA, MOVNTDQA xmm, xmm/m128 and the store: aligned */
@inline export function MOVA<S>(d: Reg, s: S): void { setXmm(d, xmmSource<S>(s)); }
@inline export function MOVAstore<D>(d: D, s: Reg): void {
  sseCheck();
  if (sizeof<D>() == 4) setXmm(<Reg>d, xmm(s)); else { aligned16(<u64>d); write<v128>(<u64>d, xmm(s)); }
}
/** MOVUPS, MOVUPD, MOVDQU, LDDQU: any alignment */
@inline export function MOVU<S>(d: Reg, s: S): void { setXmm(d, xmmUnaligned<S>(s)); }
@inline export function MOVUstore<D>(d: D, s: Reg): void {
  sseCheck();
  if (sizeof<D>() == 4) setXmm(<Reg>d, xmm(s)); else write<v128>(<u64>d, xmm(s));
}

/** MOVSS, MOVSD xmm, xmm: the rest of the register stays; xmm, m: the rest becomes 0 */
@inline export function MOVSS<S>(d: Reg, s: S): void {
  const v = xmmSource32<S>(s);
  if (sizeof<S>() == 4) setLow32(d, v); else setZero64(d, v);
}
@inline export function MOVSSstore<D>(d: D, s: Reg): void {
  sseCheck();
  if (sizeof<D>() == 4) setLow32(<Reg>d, low32(s));
  else write<u32>(<u64>d, low32(s));
}
@inline export function MOVSDX<S>(d: Reg, s: S): void {
  const v = xmmSource64<S>(s);
  if (sizeof<S>() == 4) setLow64(d, v); else setZero64(d, v);
}
@inline export function MOVSDXstore<D>(d: D, s: Reg): void {
  sseCheck();
  if (sizeof<D>() == 4) setLow64(<Reg>d, low64(s));
  else write<u64>(<u64>d, low64(s));
}
/** MOVQ xmm, xmm/m64 and xmm/m64, xmm: the high half becomes 0 */
@inline export function MOVQX<S>(d: Reg, s: S): void { setZero64(d, xmmSource64<S>(s)); }
@inline export function MOVQXstore<D>(d: D, s: Reg): void {
  sseCheck();
  if (sizeof<D>() == 4) setZero64(<Reg>d, low64(s));
  else write<u64>(<u64>d, low64(s));
}

/** MOVLPS, MOVLPD: low half from or to memory; MOVHLPS: low half := high half of the source */
@inline export function MOVLP(d: Reg, s: Mem): void { sseCheck(); setLow64(d, read<u64>(s)); }
@inline export function MOVLPstore(d: Mem, s: Reg): void { sseCheck(); write<u64>(d, low64(s)); }
@inline export function MOVHLPS(d: Reg, s: Reg): void { sseCheck(); setLow64(d, high64(s)); }
/** MOVHPS, MOVHPD: high half from or to memory; MOVLHPS: high half := low half of the source */
@inline export function MOVHP(d: Reg, s: Mem): void { sseCheck(); setHigh64(d, read<u64>(s)); }
@inline export function MOVHPstore(d: Mem, s: Reg): void { sseCheck(); write<u64>(d, high64(s)); }
@inline export function MOVLHPS(d: Reg, s: Reg): void { sseCheck(); setHigh64(d, low64(s)); }

/** MOVD, MOVQ xmm, r/m and r/m, xmm (T = u32, u64 by REX.W) */
@inline export function MOVDX<T, S>(d: Reg, s: S): void { sseCheck(); setZero64(d, <u64>value<T, S>(s)); }
@inline export function MOVDXstore<T, D>(d: D, s: Reg): void {
  sseCheck();
  const v = <T>low64(s);
  if (sizeof<D>() == 4) setReg<T>(<Reg>d, v); else write<T>(<u64>d, v);
}

/** MOVNTPS, MOVNTPD, MOVNTDQ: aligned stores; the hint has no effect. MOVNTI m, r */
@inline export function MOVNT(d: Mem, s: Reg): void { sseCheck(); aligned16(d); write<v128>(d, xmm(s)); }
@inline export function MOVNTI<T>(d: Mem, s: Reg): void { write<T>(d, reg<T>(s)); }

/** MOVQ2DQ xmm, mm and MOVDQ2Q mm, xmm: both are also MMX instructions */
@inline export function MOVQ2DQ(d: Reg, s: Reg): void {
  sseCheck();
  const v = mmxSource<Reg>(s);
  mmxBegin();
  setZero64(d, v);
}
@inline export function MOVDQ2Q(d: Reg, s: Reg): void { sseCheck(); mmxCheck(); setMmx(d, low64(s)); }
