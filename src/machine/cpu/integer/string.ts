// SPDX-License-Identifier: LGPL-2.1-only
// String instructions: SDM Volume 1 "String Instructions"; SDM 2B "REP/REPE/REPZ/REPNE/REPNZ—Repeat String Operation Prefix".
// T is the size of an element, A the address size. The source is segment:rSI (overrides seen), the destination ES:rDI.
//
// A repeated instruction executes in pieces: at most to the end of the page that either operand is in, and one element when a trap may
// follow it or when it is a device's.
// After each piece rCX, rSI and rDI are exact; if elements are left it executes once more, so that interrupts are taken between pieces. A
// piece is cut by addresses alone, never by what the TLB holds, so that the count of instructions is the same in every run. A fault leaves
// the registers at the element that faulted, and the flags as they were before the instruction (CMPS, SCAS).
// With 32-bit addresses the upper halves of rCX (MOVS and STOS: of rSI and rDI too) are cleared before anything else, even if rCX is 0 or
// the first element faults. The SDM says nothing of this; Intel's processors do it, AMD's do not (test/differential, `narrowRepeat`).
import { linear, read, write } from "../memory/access";
import { flagsSub } from "../state/flags";
import {
  RAX, RCX, RDI, RSI, DECODE_CODE, DECODE_CODE64, DECODE_MODE, ES, RFLAGS_SYSTEM, TLB_ENTRIES,
} from "../generated/layout";
import { guestTrapsBetweenIterations, trapsBetweenIterations } from "../state/mode";
import { segmentAddress } from "../code/record";
import { deviceTouched, watchDevices } from "../physical/physical_memory";
import { repeatAt } from "../state/instruction";
import { Reg, reg, setReg } from "../state/registers";
import { tlbBase } from "../tlb/context";
import { Rflags } from "../generated/architecture";

/** Linear address of an offset in the segment with this base slot; in 64-bit mode the slot is ZERO except for FS and GS. */
@inline export function inSegment<A>(segment: Reg, offset: u64): u64 {
  if (sizeof<A>() == 8) return reg<u64>(segment) + offset;
  else {
    if (sizeof<A>() == 4 && (load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64) return reg<u64>(segment) + <u64><A>offset;
    return segmentAddress(segment, <u64><A>offset);
  }
}

/** +1 or -1 element in bytes, by RFLAGS.DF. */
@inline function step<T>(): i64 { return load<u64>(RFLAGS_SYSTEM) & Rflags.DirectionFlag ? -<i64>sizeof<T>() : <i64>sizeof<T>(); }

/** Moves an index register by a number of bytes. */
@inline function advance<A>(r: Reg, bytes: i64): void { setReg<A>(r, <A>(<u64>reg<A>(r) + bytes)); }

/** Linear address of the source element. */
@inline export function source<A>(segment: Reg): u64 { return inSegment<A>(segment, <u64>reg<A>(RSI)); }

/** Linear address of the destination element. */
@inline export function destination<A>(): u64 {
  if (sizeof<A>() == 8) return reg<u64>(RDI);
  else {
    if (sizeof<A>() == 4 && (load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64) return <u64>reg<A>(RDI);
    return linear(ES, <u64>reg<A>(RDI));
  }
}

/** Elements from ea on that begin and end in its page and before the offset wraps, in the direction of by; at least 1. */
function fitting<T, A>(ea: u64, offset: u64, by: i64): u64 {
  if (by < 0) return min<u64>((ea & 0xfff) / sizeof<T>(), offset / sizeof<T>()) + 1;
  let n = (0x1000 - (ea & 0xfff)) / sizeof<T>();
  const bits = sizeof<A>() * 8;
  if (bits != 64) n = min<u64>(n, ((<u64>1 << bits) - offset) / sizeof<T>());
  return max<u64>(n, 1);
}

/** Elements of the next piece that rSI allows. */
@inline function sourceFitting<T, A>(segment: Reg, by: i64): u64 { return fitting<T, A>(source<A>(segment), <u64>reg<A>(RSI), by); }

/** Elements of the next piece that rDI allows. */
@inline function destinationFitting<T, A>(by: i64): u64 { return fitting<T, A>(destination<A>(), <u64>reg<A>(RDI), by); }

/** True if the monitor trap flag alone cut the running piece: on the bare machine it would be longer. */
let isCut: bool = false;
/** The length of a piece: what is left, what fits, and one if each iteration may be followed by a trap. */
@inline function piece<A>(fits: u64): u64 {
  const whole = min<u64>(<u64>reg<A>(RCX), fits);
  if (!trapsBetweenIterations()) return whole;
  isCut = whole > 1 && !guestTrapsBetweenIterations();
  return 1;
}

/** What a repeated instruction does before its first element to the register of its count, or to an index register. */
@inline function narrow<A>(r: Reg): void { if (sizeof<A>() == 4) setReg<u32>(r, reg<u32>(r)); }

/** Counts elements done. */
@inline function countDown<A>(n: u64): void { setReg<A>(RCX, <A>(<u64>reg<A>(RCX) - n)); }

/** Goes on later. The end of a piece counts as an instruction, and a cut of the VMM's does not: its steps take none of the guest's time. */
function goOn(rip: u64): void { repeatAt(rip, !(isCut && trapsBetweenIterations() && !deviceTouched)); }
/** Goes on later when elements are left. */
@inline function again<A>(rip: u64): void { if (reg<A>(RCX) != 0) goOn(rip); }

/** MOVS. SDM 2B "MOVS/MOVSB/MOVSW/MOVSD/MOVSQ—Move Data From String to String". */
@inline export function MOVS<T, A>(rep: u32, segment: Reg, rip: u64): void {
  if (rep) repeatMovs<T, A>(segment, rip);
  else {
    const v = read<T>(source<A>(segment));                             // first: an address names the segment of the next access
    write<T>(destination<A>(), v);
    const by = step<T>();
    advance<A>(RSI, by);
    advance<A>(RDI, by);
  }
}

function repeatMovs<T, A>(segment: Reg, rip: u64): void {
  narrow<A>(RCX);
  narrow<A>(RSI);
  narrow<A>(RDI);
  if (reg<A>(RCX) == 0) return;
  const by = step<T>();
  watchDevices();
  let n = piece<A>(min<u64>(sourceFitting<T, A>(segment, by), destinationFitting<T, A>(by)));
  for (;;) {
    const ea = source<A>(segment), v = read<T>(ea);
    const from = hostIfMapped(ea, 0);                     // before the write: both pages may have the same place in the TLB
    write<T>(destination<A>(), v);
    advance<A>(RSI, by);
    advance<A>(RDI, by);
    countDown<A>(1);
    if (--n == 0 || deviceTouched) break;
    if (by > 0 && from != 0 && copyMapped<T, A>(from + sizeof<T>(), n)) break;
  }
  again<A>(rip);
}

/** Host address of a byte whose page has the tag for this access (0 read, 1 write), else 0. */
function hostIfMapped(ea: u64, kind: usize): usize {
  const entry = tlbBase + ((<usize>(ea >> 12) & (TLB_ENTRIES - 1)) << 5);
  return load<u64>(entry + kind * 8) == (ea & ~0xfff) ? <usize>ea + <usize>load<u32>(entry, 24) : 0;
}

/** The rest of a piece at once, if both pages are plain memory and the copy does not read what it wrote. */
function copyMapped<T, A>(from: usize, n: u64): bool {
  const to = hostIfMapped(destination<A>(), 1), bytes = <usize>n * sizeof<T>();
  if (!to || to - from < bytes) return false;
  memory.copy(to, from, bytes);
  advance<A>(RSI, bytes);
  advance<A>(RDI, bytes);
  countDown<A>(n);
  return true;
}

/** STOS. SDM 2B "STOS/STOSB/STOSW/STOSD/STOSQ—Store String". */
@inline export function STOS<T, A>(rep: u32, rip: u64): void {
  if (rep) repeatStos<T, A>(rip);
  else {
    write<T>(destination<A>(), reg<T>(RAX));
    advance<A>(RDI, step<T>());
  }
}

function repeatStos<T, A>(rip: u64): void {
  narrow<A>(RCX);
  narrow<A>(RDI);
  if (reg<A>(RCX) == 0) return;
  const by = step<T>();
  watchDevices();
  let n = piece<A>(destinationFitting<T, A>(by));
  for (;;) {
    write<T>(destination<A>(), reg<T>(RAX));
    advance<A>(RDI, by);
    countDown<A>(1);
    if (--n == 0 || deviceTouched) break;
    if (by > 0 && fillMapped<T, A>(n)) break;
  }
  again<A>(rip);
}

/** The rest of a piece at once, if the page is plain memory. */
function fillMapped<T, A>(n: u64): bool {
  const to = hostIfMapped(destination<A>(), 1), bytes = <usize>n * sizeof<T>(), v = reg<T>(RAX);
  if (!to) return false;
  if (sizeof<T>() == 1 || v == 0) memory.fill(to, <u8>v, bytes);
  else for (let i: usize = 0; i < bytes; i += sizeof<T>()) store<T>(to + i, v);
  advance<A>(RDI, bytes);
  countDown<A>(n);
  return true;
}

/** LODS. SDM 2A "LODS/LODSB/LODSW/LODSD/LODSQ—Load String". */
@inline export function LODS<T, A>(rep: u32, segment: Reg, rip: u64): void {
  if (rep) repeatLods<T, A>(segment, rip);
  else {
    setReg<T>(RAX, read<T>(source<A>(segment)));
    advance<A>(RSI, step<T>());
  }
}

function repeatLods<T, A>(segment: Reg, rip: u64): void {
  narrow<A>(RCX);
  if (reg<A>(RCX) == 0) return;
  const by = step<T>();
  watchDevices();
  for (let n = piece<A>(sourceFitting<T, A>(segment, by)); n > 0 && !deviceTouched; n--) {
    setReg<T>(RAX, read<T>(source<A>(segment)));
    advance<A>(RSI, by);
    countDown<A>(1);
  }
  again<A>(rip);
}

/** SCAS: the flags of rAX - element. SDM 2B "SCAS/SCASB/SCASW/SCASD—Scan String". */
@inline export function SCAS<T, A>(rep: u32, rip: u64): void {
  if (rep) repeatScas<T, A>(rep, rip);
  else {
    const a = reg<T>(RAX), b = read<T>(destination<A>());
    advance<A>(RDI, step<T>());
    flagsSub<T>(a, b, <T>(a - b));
  }
}

function repeatScas<T, A>(rep: u32, rip: u64): void {
  narrow<A>(RCX);
  if (reg<A>(RCX) == 0) return;
  const by = step<T>(), a = reg<T>(RAX);
  watchDevices();
  let n = piece<A>(destinationFitting<T, A>(by)), b: T;
  do {
    b = read<T>(destination<A>());
    advance<A>(RDI, by);
    countDown<A>(1);
  } while (--n > 0 && !deviceTouched && (a == b) == (rep == 1));
  if (reg<A>(RCX) != 0 && (a == b) == (rep == 1)) goOn(rip);
  else flagsSub<T>(a, b, <T>(a - b));
}

/** CMPS: the flags of source - destination. SDM 2A "CMPS/CMPSB/CMPSW/CMPSD/CMPSQ—Compare String Operands". */
@inline export function CMPS<T, A>(rep: u32, segment: Reg, rip: u64): void {
  if (rep) repeatCmps<T, A>(rep, segment, rip);
  else {
    const a = read<T>(source<A>(segment)), b = read<T>(destination<A>()), by = step<T>();
    advance<A>(RSI, by);
    advance<A>(RDI, by);
    flagsSub<T>(a, b, <T>(a - b));
  }
}

function repeatCmps<T, A>(rep: u32, segment: Reg, rip: u64): void {
  narrow<A>(RCX);
  if (reg<A>(RCX) == 0) return;
  const by = step<T>();
  watchDevices();
  let n = piece<A>(min<u64>(sourceFitting<T, A>(segment, by), destinationFitting<T, A>(by)));
  const first = source<A>(segment);
  let a = read<T>(first), from = hostIfMapped(first, 0);  // before the other read: both pages may have the same place in the TLB
  const second = destination<A>();
  let b = read<T>(second), to = hostIfMapped(second, 0);
  const mapped = from != 0 && to != 0;
  for (;;) {
    advance<A>(RSI, by);
    advance<A>(RDI, by);
    countDown<A>(1);
    if (--n == 0 || deviceTouched || (a == b) != (rep == 1)) break;
    if (mapped) {
      from += <usize>by;
      to += <usize>by;
      a = load<T>(from);
      b = load<T>(to);
    } else {
      a = read<T>(source<A>(segment));
      b = read<T>(destination<A>());
    }
  }
  if (reg<A>(RCX) != 0 && (a == b) == (rep == 1)) goOn(rip);
  else flagsSub<T>(a, b, <T>(a - b));
}
