// SPDX-License-Identifier: LGPL-2.1-only
// What is special to MMX: moves and EMMS (arithmetic, shifts and shuffles are shared with SSE2, see simd_*.ts).
// SDM 1 "Programming with Intel MMX Technology", SDM 2 "MOVD/MOVQ", "MOVQ", "EMMS", "MOVNTQ".
import { write, value } from "../memory/access";
import { mmxSource, setMmx, low64 } from "./simd_access";
import { mmxCheck, mmxBegin } from "../float/fpu_state";
import { X87_TAGS } from "../generated/layout";
import { Reg, Mem, setReg } from "../state/registers";

/** MOVQ mm, mm/m64 and mm/m64, mm */
@inline export function MOVQM<S>(d: Reg, s: S): void { setMmx(d, mmxSource<S>(s)); }
@inline export function MOVQMstore<D>(d: D, s: Reg): void {
  mmxCheck();
  if (sizeof<D>() == 4) setMmx(<Reg>d, low64(s)); else { write<u64>(<u64>d, low64(s)); mmxBegin(); }
}
/** MOVD, MOVQ mm, r/m and r/m, mm */
@inline export function MOVDM<T, S>(d: Reg, s: S): void { mmxCheck(); setMmx(d, <u64>value<T, S>(s)); }
@inline export function MOVDMstore<T, D>(d: D, s: Reg): void {
  mmxCheck();
  const v = <T>low64(s);
  if (sizeof<D>() == 4) { mmxBegin(); setReg<T>(<Reg>d, v); } else { write<T>(<u64>d, v); mmxBegin(); }
}
/** MOVNTQ m64, mm */
@inline export function MOVNTQ(d: Mem, s: Reg): void { mmxCheck(); write<u64>(d, low64(s)); mmxBegin(); }
/** EMMS: all registers empty, TOP 0 */
@inline export function EMMS(): void { mmxCheck(); mmxBegin(); store<u32>(X87_TAGS, 0); }
