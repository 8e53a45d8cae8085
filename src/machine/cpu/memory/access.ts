// SPDX-License-Identifier: LGPL-2.1-only
// Registers, memory and flags as the semantics see them. The only file that differs between the interpreter build and the template
// build (--use TEMPLATE=1), where registers, flags and "leave the region" become marker imports that the extractor cuts out.
//
// Operand kinds: Reg = u32 address of the register's slot, Mem = u64 linear address, Imm = i64. All faults come in value/open/read/probe/write.
import {
  FC, FR, FX, TLB_DATA, TLB_FETCH, CURRENT_RECORD, PAGE_RIP, CODE_MASK, STACK_MASK, ES_BASE, ACCESS_SEGMENT,
  DECODE_MODE, BOUNCE, DECODE_SEGMENTED, DECODE_CODE, DECODE_CODE64, SS, RIP,
} from "../generated/layout";
import { READ, READ_WRITE, WRITE } from "../state/access_kind";
import { openSlow, plainSlow, probeSlow } from "./operand";
import { flushBounce } from "./physical_memory";
import { raiseCode } from "../events/interrupt";
import { RecordField } from "../generated/record_format";
export { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, ZERO } from "../generated/layout";

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
@external("t", "tlb") declare function tTlb(): usize;
@external("t", "slow") declare function tSlow(ea: u64, size: u32, write: u32): usize;
@external("t", "bail") declare function tBail(): void;
@external("t", "jump") declare function tJump(v: u64): void;

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

/** Address of the data TLB of the current privilege (copy of the word TLB_DATA). */
export let tlbBase: usize = 0;
/** Address of the fetch TLB of the current privilege (copy of the word TLB_FETCH). */
export let fetchBase: usize = 0;
/** Takes over the words TLB_DATA and TLB_FETCH after a change of mode or processor. */
export function selectTlbs(): void { tlbBase = load<u32>(TLB_DATA); fetchBase = load<u32>(TLB_FETCH); }

@inline function tlb(): usize { if (isDefined(TEMPLATE)) return tTlb(); else return tlbBase; }
@inline const PAGE: u64 = 0xfffffffffffff000;
/** Entry of a data TLB that may hold the page of `ea`. */
@inline function entry(ea: u64): usize { return tlb() + ((<usize>(ea >> 12) & 1023) << 5); }
/** Hit test: false for another page, a page crossing, MMIO, and for writes to pages with decoded code or not yet dirty. */
@inline function hit<T>(e: usize, ea: u64, write: usize): bool { return load<u64>(e + write * 8) == ((ea + (sizeof<T>() - 1)) & PAGE); }
@inline function place(e: usize, ea: u64): usize { return <usize>ea + <usize>load<u32>(e, 24); }
/** Template build: address of a plain access, or leave the region. */
@inline function bailing<T>(ea: u64, write: u32): usize {
  const h = tSlow(ea, <u32>sizeof<T>(), write);
  if (!h) tBail();
  return h;
}
function slowRead<T>(ea: u64): T { return load<T>(openSlow(ea, <u32>sizeof<T>(), READ)); }
function slowWrite<T>(ea: u64, v: T): void {
  const p = openSlow(ea, <u32>sizeof<T>(), WRITE);
  store<T>(p, v);
  if (p - BOUNCE < 64) flushBounce(p);
}

/** Reads memory at a linear address; faults. T: u8 … u64, v128. */
@inline export function read<T>(ea: u64): T {
  const e = entry(ea);
  if (isDefined(TEMPLATE)) return load<T>(hit<T>(e, ea, 0) ? place(e, ea) : bailing<T>(ea, 0));
  else {
    if (hit<T>(e, ea, 0)) return load<T>(place(e, ea));
    return slowRead<T>(ea);
  }
}
/** Writes memory at a linear address; faults, so it precedes every register change. */
@inline export function write<T>(ea: u64, v: T): void {
  const e = entry(ea);
  if (isDefined(TEMPLATE)) store<T>(hit<T>(e, ea, 1) ? place(e, ea) : bailing<T>(ea, 1), v);
  else {
    if (hit<T>(e, ea, 1)) store<T>(place(e, ea), v);
    else slowWrite<T>(ea, v);
  }
}

/** A read-modify-write operand, register or memory: open it first (all faults come here), then get and set. At most four are open at a time. */
@inline export function open<T, D>(d: D): u32 {
  if (sizeof<D>() == 4) return <u32>d;
  else {
    const ea = <u64>d, e = entry(ea);
    if (isDefined(TEMPLATE)) return <u32>(hit<T>(e, ea, 1) ? place(e, ea) : bailing<T>(ea, 1));
    else {
      if (hit<T>(e, ea, 1)) return <u32>place(e, ea);
      return <u32>openSlow(ea, <u32>sizeof<T>(), READ_WRITE);
    }
  }
}
/** Value of an opened operand. */
@inline export function get<T, D>(p: u32): T { if (sizeof<D>() == 4) return reg<T>(p); else return load<T>(p); }
/** Writes an opened operand; cannot fault. */
@inline export function set<T, D>(p: u32, v: T): void {
  if (sizeof<D>() == 4) setReg<T>(p, v);
  else {
    store<T>(p, v);
    if (!isDefined(TEMPLATE)) { if (p - BOUNCE < 64) flushBounce(p); }
  }
}
/** A source operand: register, memory or immediate. */
@inline export function value<T, S>(s: S): T {
  if (isSigned<S>()) return <T>s;
  else if (sizeof<S>() == 4) return reg<T>(<u32>s);
  else return read<T>(<u64>s);
}

/** A fault found before anything was changed: raised by the interpreter, left to it by a template. */
@inline export function refuse(vector: u32, code: u32): void { if (isDefined(TEMPLATE)) tBail(); else raiseCode(vector, code); }
/**
 * Raises what an access of `size` bytes would raise, and changes nothing. For instructions that access memory more than once, or change state before
 * they write. `alignment`: of the operand as a whole, 1 if it needs none. `write`: 0 or 1.
 */
export function probe(ea: u64, size: u32, alignment: u32, write: u32): void { probeSlow(ea, size, alignment, write); }
/** Address of a plain access that missed the TLB, or 0 if it is anything else (fault, MMIO, page crossing): for compiled regions. */
export function slow(ea: u64, size: u32, write: u32): usize { return plainSlow(ea, size, write); }

/** Where the next instruction is fetched, if the current one says so. */
export let nextRip: u64 = 0;
/** True if the current instruction is a branch that was taken, wherever it leads. Whoever asks clears it before the instruction. */
export let branchTaken: bool = false;
export function clearBranch(): void { branchTaken = false; }
/** A taken branch to `t` (offset in CS). */
@inline export function jump(t: u64): void { if (isDefined(TEMPLATE)) tJump(t); else { nextRip = t; branchTaken = true; } }
/** Continues at `t` without a branch: at the next instruction, or once more at this one. */
@inline export function continueAt(t: u64): void { if (isDefined(TEMPLATE)) tJump(t); else nextRip = t; }

/** RIP of the instruction that is being executed. */
export function currentRip(): u64 {
  const record = load<u32>(CURRENT_RECORD);
  return record ? (load<u64>(PAGE_RIP) + <u64>load<u16>(record, RecordField.PageOffset)) & load<u64>(CODE_MASK) : load<u64>(RIP);
}

/** True while accesses must name their segment (16- and 32-bit modes with segments that are not flat). */
@inline export function segmented(): bool { return (load<u32>(DECODE_MODE) & DECODE_SEGMENTED) != 0; }
/** Linear address of segment:offset outside 64-bit mode. `segment`: 0–5; the limit and the rights are checked by the access itself. */
@inline export function linear(segment: u32, offset: u64): u64 {
  store<u32>(ACCESS_SEGMENT, segment);
  return <u64><u32>(load<u64>(ES_BASE + segment * 8) + offset);
}
/** Linear address of a place on the stack, SS:offset. A: width of the stack pointer, u64 only in 64-bit mode. */
@inline export function stackAddress<A>(offset: u64): u64 {
  if (sizeof<A>() == 8) return offset;
  else return linear(SS, <u64><A>offset);
}
/** The same with the width found at run time. */
export function stackLinear(offset: u64): u64 {
  if ((load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64) return offset;
  return linear(SS, offset & load<u64>(STACK_MASK));
}
/** Stack accesses raise #SS where others raise #GP; the slow path tells by the address. */
@inline export function readStack<T>(ea: u64): T { return read<T>(ea); }
/** See readStack. */
@inline export function writeStack<T>(ea: u64, v: T): void { write<T>(ea, v); }

/** Sign-extends to 64 bits. */
@inline export function sx<T>(v: T): i64 {
  if (sizeof<T>() == 1) return <i64><i8>v;
  if (sizeof<T>() == 2) return <i64><i16>v;
  if (sizeof<T>() == 4) return <i64><i32>v;
  return <i64>v;
}
