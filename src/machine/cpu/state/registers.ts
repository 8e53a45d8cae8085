// SPDX-License-Identifier: LGPL-2.1-only
// Registers and lazy flags as the semantics see them. In the template build (--use TEMPLATE=1) they become marker imports that the
// extractor cuts out. Only this file, flags.ts, instruction.ts, memory/access.ts and float/fpu_state.ts differ between the two builds.
// XMM and MMX registers are in memory in both.
import { FC, FR, FX } from "../generated/layout";

/** A register operand: the address of its slot in the register file (AH = slot of RAX + 1). */
export type Reg = u32;
/** A memory operand: its linear address. */
export type Mem = u64;
/** An immediate operand, sign-extended. */
export type Imm = i64;

// Markers: they exist only in the template build. The register number must be the last argument.
@external("t", "get8") declare function tGet8(r: Reg): u32;
@external("t", "get16") declare function tGet16(r: Reg): u32;
@external("t", "get32") declare function tGet32(r: Reg): u32;
@external("t", "get64") declare function tGet64(r: Reg): u64;
@external("t", "set8") declare function tSet8(v: u32, r: Reg): void;
@external("t", "set16") declare function tSet16(v: u32, r: Reg): void;
@external("t", "set32") declare function tSet32(v: u32, r: Reg): void;
@external("t", "set64") declare function tSet64(v: u64, r: Reg): void;
@external("t", "getFR") declare function tGetFR(): i64;
@external("t", "getFX") declare function tGetFX(): i64;
@external("t", "getFC") declare function tGetFC(): u64;
@external("t", "setFR") declare function tSetFR(v: i64): void;
@external("t", "setFX") declare function tSetFX(v: i64): void;
@external("t", "setFC") declare function tSetFC(v: u64): void;

/** Value of a register of size T (v128: an XMM slot). */
@inline export function reg<T>(r: Reg): T {
  if (isDefined(TEMPLATE) && sizeof<T>() <= 8) {
    if (sizeof<T>() == 1) return <T>tGet8(r);
    if (sizeof<T>() == 2) return <T>tGet16(r);
    if (sizeof<T>() == 4) return <T>tGet32(r);
    return <T>tGet64(r);
  } else return load<T>(r);
}
/** Writes a register of size T; 32 bits zero-extend to 64, 8 and 16 bits leave the rest. */
@inline export function setReg<T>(r: Reg, v: T): void {
  if (isDefined(TEMPLATE) && sizeof<T>() <= 8) {
    if (sizeof<T>() == 1) tSet8(<u32>v, r);
    else if (sizeof<T>() == 2) tSet16(<u32>v, r);
    else if (sizeof<T>() == 4) tSet32(<u32>v, r);
    else tSet64(<u64>v, r);
  } else {
    if (sizeof<T>() == 4) store<u64>(r, <u64><u32>v); else store<T>(r, v);
  }
}
/** Lazy flags word: sign-extended result. */
@inline export function fr(): i64 { if (isDefined(TEMPLATE)) return tGetFR(); else return load<i64>(FR); }
/** Lazy flags word: carry-in vector (bit 4 = AF, bit 63 ^ CF = OF). */
@inline export function fx(): i64 { if (isDefined(TEMPLATE)) return tGetFX(); else return load<i64>(FX); }
/** Lazy flags word: bit 0 CF, bit 1 SF inverted, bit 2 PF inverted. */
@inline export function fc(): u64 { if (isDefined(TEMPLATE)) return tGetFC(); else return load<u64>(FC); }
/** Writes the three lazy flags words. */
@inline export function setFlags(r: i64, x: i64, c: u64): void {
  if (isDefined(TEMPLATE)) { tSetFR(r); tSetFX(x); tSetFC(c); }
  else { store<i64>(FR, r); store<i64>(FX, x); store<u64>(FC, c); }
}

/** Sign-extends to 64 bits. */
@inline export function sx<T>(v: T): i64 {
  if (sizeof<T>() == 1) return <i64><i8>v;
  if (sizeof<T>() == 2) return <i64><i16>v;
  if (sizeof<T>() == 4) return <i64><i32>v;
  return <i64>v;
}
