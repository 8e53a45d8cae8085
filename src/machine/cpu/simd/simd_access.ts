// SPDX-License-Identifier: LGPL-2.1-only
// Operands of MMX and SSE instructions. A register operand is the address of its slot, as everywhere.
// T = v128 is the SSE form of an instruction, T = u64 its MMX form, of which the low 64 bits of every v128 count.
import { read } from "../memory/access";
import { sseCheck, mmxCheck, mmxBegin, aligned16 } from "../float/fpu_state";
import { Reg } from "../state/registers";

/** Whole XMM register. */
@inline export function xmm(r: Reg): v128 { return load<v128>(<usize>r); }
@inline export function setXmm(r: Reg, v: v128): void { store<v128>(<usize>r, v); }
/** Low 64 and 32 bits of an XMM or MMX register; setting them leaves the rest alone. */
@inline export function low64(r: Reg): u64 { return load<u64>(<usize>r); }
@inline export function high64(r: Reg): u64 { return load<u64>(<usize>r, 8); }
@inline export function low32(r: Reg): u32 { return load<u32>(<usize>r); }
@inline export function setLow64(r: Reg, v: u64): void { store<u64>(<usize>r, v); }
@inline export function setHigh64(r: Reg, v: u64): void { store<u64>(<usize>r, v, 8); }
@inline export function setLow32(r: Reg, v: u32): void { store<u32>(<usize>r, v); }
/** Whole XMM register := a 64- or 32-bit value, zero-extended. */
@inline export function setZero64(r: Reg, v: u64): void { store<u64>(<usize>r, v); store<u64>(<usize>r, 0, 8); }
@inline export function wide(low: u64, high: u64): v128 { return i64x2.replace_lane(i64x2.splat(<i64>low), 1, <i64>high); }
@inline export function lowOf(v: v128): u64 { return <u64>i64x2.extract_lane(v, 0); }
@inline export function highOf(v: v128): u64 { return <u64>i64x2.extract_lane(v, 1); }

/** XMM register or aligned 16 bytes of memory; SSE availability is checked first. */
@inline export function xmmSource<S>(s: S): v128 {
  sseCheck();
  if (sizeof<S>() == 4) return load<v128>(<usize><u32>s);
  else { aligned16(<u64>s); return read<v128>(<u64>s); }
}
/** The same without the rule of alignment (MOVUPS, LDDQU …). */
@inline export function xmmUnaligned<S>(s: S): v128 {
  sseCheck();
  if (sizeof<S>() == 4) return load<v128>(<usize><u32>s); else return read<v128>(<u64>s);
}
/** Low 64 bits of an XMM register, or 8 bytes of memory. */
@inline export function xmmSource64<S>(s: S): u64 {
  sseCheck();
  if (sizeof<S>() == 4) return load<u64>(<usize><u32>s); else return read<u64>(<u64>s);
}
@inline export function xmmSource32<S>(s: S): u32 {
  sseCheck();
  if (sizeof<S>() == 4) return load<u32>(<usize><u32>s); else return read<u32>(<u64>s);
}
/** MMX register or 8 bytes of memory. */
@inline export function mmxSource<S>(s: S): u64 {
  mmxCheck();
  if (sizeof<S>() == 4) return load<u64>(<usize><u32>s); else return read<u64>(<u64>s);
}
/** An MMX register is written: bits 79:64 of the x87 register become ones, TOP 0, all tags valid. */
@inline export function setMmx(r: Reg, v: u64): void { mmxBegin(); store<u64>(<usize>r, v); store<u16>(<usize>r, 0xffff, 8); }

/** Source of a packed operation in either form. */
@inline export function source<T, S>(s: S): v128 {
  if (sizeof<T>() == 16) return xmmSource<S>(s); else return i64x2.splat(<i64>mmxSource<S>(s));
}
/** Destination as first operand. */
@inline export function target<T>(d: Reg): v128 {
  if (sizeof<T>() == 16) return load<v128>(<usize>d); else return i64x2.splat(load<i64>(<usize>d));
}
@inline export function put<T>(d: Reg, v: v128): void {
  if (sizeof<T>() == 16) store<v128>(<usize>d, v); else setMmx(d, <u64>i64x2.extract_lane(v, 0));
}
