// SPDX-License-Identifier: LGPL-2.1-only
// Memory as the semantics see it: a TLB hit is inlined, all else is the slow path of operand.ts. In the template build (--use TEMPLATE=1)
// a miss leaves the region. All faults come in value/open/read/probe/write.
import {
  STACK_MASK, ES_BASE, ACCESS_SEGMENT, DECODE_MODE, BOUNCE, DECODE_SEGMENTED, DECODE_CODE, DECODE_CODE64, SS,
} from "../generated/layout";
import { READ, READ_WRITE, WRITE } from "../state/access_kind";
import { openSlow, probeSlow, flushSlow } from "./operand";
import { raiseCode } from "../events/raise";
import { flushBounce } from "../physical/physical_memory";
import { reg, setReg } from "../state/registers";
import { tlbBase } from "../tlb/context";

// Markers: they exist only in the template build.
@external("t", "tlb") declare function tTlb(): usize;
@external("t", "bail") declare function tBail(): void;
@inline function tlb(): usize { if (isDefined(TEMPLATE)) return tTlb(); else return tlbBase; }
@inline const PAGE: u64 = 0xfffffffffffff000;
/** Entry of a data TLB that may hold the page of `ea`. */
@inline function entry(ea: u64): usize { return tlb() + ((<usize>(ea >> 12) & 1023) << 5); }
/** Hit test: false for another page, a page crossing, MMIO, and for writes to pages with decoded code or not yet dirty. */
@inline function hit<T>(e: usize, ea: u64, write: usize): bool { return load<u64>(e + write * 8) == ((ea + (sizeof<T>() - 1)) & PAGE); }
@inline function place(e: usize, ea: u64): usize { return <usize>ea + <usize>load<u32>(e, 24); }
/**
 * Template build: a miss leaves the region, and the interpreter carries the access out. A call of the slow path here would cost each value
 * that lives on a store.
 */
@inline function missing(): usize { tBail(); return 0; }
function slowRead<T>(ea: u64): T { return load<T>(openSlow(ea, <u32>sizeof<T>(), READ)); }
function slowWrite<T>(ea: u64, v: T): void {
  const p = openSlow(ea, <u32>sizeof<T>(), WRITE);
  store<T>(p, v);
  if (p - BOUNCE < 64) flushBounce(p);
}

/** Reads memory at a linear address; faults. T: u8 … u64, v128. */
@inline export function read<T>(ea: u64): T {
  const e = entry(ea);
  if (isDefined(TEMPLATE)) return load<T>(hit<T>(e, ea, 0) ? place(e, ea) : missing());
  else {
    if (hit<T>(e, ea, 0)) return load<T>(place(e, ea));
    return slowRead<T>(ea);
  }
}
/** Writes memory at a linear address; faults, so it precedes every register change. */
@inline export function write<T>(ea: u64, v: T): void {
  const e = entry(ea);
  if (isDefined(TEMPLATE)) store<T>(hit<T>(e, ea, 1) ? place(e, ea) : missing(), v);
  else {
    if (hit<T>(e, ea, 1)) store<T>(place(e, ea), v);
    else slowWrite<T>(ea, v);
  }
}

/**
 * A read-modify-write operand, register or memory: open it first (all faults come here), then get and set. At most four are open at a
 * time.
 */
@inline export function open<T, D>(d: D): u32 {
  if (sizeof<D>() == 4) return <u32>d;
  else {
    const ea = <u64>d, e = entry(ea);
    if (isDefined(TEMPLATE)) return <u32>(hit<T>(e, ea, 1) ? place(e, ea) : missing());
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
 * Raises what an access of `size` bytes would raise, and changes nothing. For instructions that access memory more than once, or change
 * state before they write. `alignment`: of the operand as a whole, 1 if it needs none. `write`: 0 or 1.
 */
export function probe(ea: u64, size: u32, alignment: u32, write: u32): void { probeSlow(ea, size, alignment, write); }
/**
 * Raises what CLFLUSH raises at a linear address: what a load of a byte does, except that the segment may be execute-only. Nothing is
 * loaded, so that no device notices. SDM 2A "CLFLUSH—Flush Cache Line".
 */
@inline export function flushLine(ea: u64): void {
  if (!hit<u8>(entry(ea), ea, 0)) {
    if (isDefined(TEMPLATE)) missing(); else flushSlow(ea);
  }
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
/** Stack accesses raise #SS where others raise #GP; the slow path decides by the address. */
@inline export function readStack<T>(ea: u64): T { return read<T>(ea); }
/** See readStack. */
@inline export function writeStack<T>(ea: u64, v: T): void { write<T>(ea, v); }
