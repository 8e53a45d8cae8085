// SPDX-License-Identifier: LGPL-2.1-only
// The x87 register stack, status and tags, and the double extended format. SDM 1 "Programming with the x87 FPU".
// Registers are kept by physical number; ST(i) is register (TOP + i) & 7. Tags are the abridged ones: bit i = register i is not empty.
import {
  CURRENT_RECORD, X87_REGISTERS, X87_CONTROL, X87_STATUS, X87_TAGS, X87_OPCODE, X87_CS, X87_DS, X87_IP, X87_DP,
} from "../generated/layout";
import { x87Check } from "../float/fpu_state";
import {
  IE, ZERO_CLASS, FINITE, INFINITE, QNAN, SNAN, UNSUPPORTED, INVALID, setA, setB, rClass, rSign, rExp, rSig, raised,
  roundedUp, clearRaised, setRaised, round, leading, INTEGER_BIT, RANGE,
} from "../float/soft_float";
import { OFFSET_OF, X87_OPCODE_OF } from "../code/record";
import { currentRip } from "../state/instruction";
import { FloatException, X87Status } from "../generated/architecture";

/** Status word: stack fault, summary and busy, condition codes. */
@inline export const SF: u32 = X87Status.StackFault;
@inline export const ES_B: u32 = X87Status.ErrorSummary | X87Status.Busy;
@inline export const C0: u32 = X87Status.ConditionCode0;
@inline export const C1: u32 = X87Status.ConditionCode1;
@inline export const C2: u32 = X87Status.ConditionCode2;
@inline export const C3: u32 = X87Status.ConditionCode3;

/** Default NaN of the format. */
@inline export const NAN80_SIG: u64 = 0xc000000000000000;
@inline export const NAN80_SE: u32 = 0xffff;
@inline export const QUIET80: u64 = 0x4000000000000000;

/** Sign, and the biased exponents of 1 and of infinities and NaNs. */
@inline export const SIGN80: u32 = 0x8000;
@inline export const EXPONENT80: u32 = 0x7fff;
@inline export const BIAS80: u32 = 0x3fff;

/** The status word. SDM 1 "x87 FPU Status Register". */
@inline export function status(): u32 { return load<u32>(X87_STATUS); }
/** Writes the status word. */
@inline export function setStatus(v: u32): void { store<u32>(X87_STATUS, v); }
/** The control word. SDM 1 "x87 FPU Control Word". */
@inline export function control(): u32 { return load<u32>(X87_CONTROL); }
/** TOP: the physical number of ST(0). */
@inline export function top(): u32 { return load<u32>(X87_STATUS) >> 11 & 7; }
/** Physical number and slot of ST(i). */
@inline export function physical(i: u32): u32 { return (top() + i) & 7; }
@inline export function st(i: u32): usize { return X87_REGISTERS + (physical(i) << 4); }
@inline export function isEmpty(i: u32): bool { return ((load<u32>(X87_TAGS) >> physical(i)) & 1) == 0; }
@inline export function significand(slot: usize): u64 { return load<u64>(slot); }
@inline export function signExponent(slot: usize): u32 { return load<u16>(slot, 8); }

/** Writes ST(i) and tags it valid. */
export function setSt(i: u32, se: u32, sig: u64): void {
  const n = physical(i), slot = X87_REGISTERS + (n << 4);
  store<u64>(slot, sig); store<u16>(slot, <u16>se, 8);
  store<u32>(X87_TAGS, load<u32>(X87_TAGS) | 1 << n);
}
@inline export function setTop(n: u32): void { setStatus(status() & ~X87Status.Top | (n & 7) << 11); }
/** TOP − 1; the caller writes the new ST(0). */
export function push(): void { setTop(top() - 1); }
/** ST(0) becomes empty, TOP + 1. */
export function pop(): void {
  store<u32>(X87_TAGS, load<u32>(X87_TAGS) & ~(1 << top()));
  setTop(top() + 1);
}
@inline export function setCodes(codes: u32): void { setStatus(status() & ~(C0 | C1 | C2 | C3) | codes); }
/** Condition codes except C1. */
@inline export function setCompareCodes(codes: u32): void { setStatus(status() & ~(C0 | C2 | C3) | codes); }
@inline export function clearC1(): void { setStatus(status() & ~C1); }

/** Rounding control: 0 nearest, 1 down, 2 up, 3 to zero. */
@inline export function x87Rounding(): u32 { return control() >> 10 & 3; }
/** Bits of precision by precision control (01 is reserved: as 11). */
export function x87Precision(): u32 { const pc = control() >> 8 & 3; return pc == 0 ? 24 : pc == 2 ? 53 : 64; }
@inline export function unmaskedX87(): u32 { return ~control() & FloatException.All; }

/** Linear address of the memory operand of the current instruction; `hasOperand` says whether it has one. */
let operandAddress: u64 = 0, hasOperand: bool = false;

/** First act of a waiting, non-control instruction without (begin) or with (beginAt) a memory operand. */
export function begin(): void { x87Check(); hasOperand = false; }
export function beginAt(ea: u64): void { x87Check(); operandAddress = ea; hasOperand = true; }
/** The same for instructions that leave C1 alone (FCMOVcc, FNOP). */
export function startQuietly(): void { store<u64>(X87_IP, currentRip()); clearRaised(); }
/** After the operands are read, before anything changes: instruction pointer, C1 := 0, no exceptions yet. */
export function start(): void {
  store<u64>(X87_IP, currentRip());
  clearC1();
  clearRaised();
}

/**
 * Opcode and data pointer are recorded only with an unmasked exception (CPUID says FDP_EXCPTN_ONLY, and "FCS/FDS deprecated": these are 0).
 * Both come from the decoded instruction: nothing is read again, which could fault or meet a breakpoint. The data pointer is the offset in
 * the operand's segment. SDM 1 "x87 FPU Instruction and Data (Operand) Pointers", "Last Instruction Opcode".
 */
function recordPointers(): void {
  const record = load<u32>(CURRENT_RECORD);
  store<u32>(X87_OPCODE, X87_OPCODE_OF(record));
  store<u32>(X87_CS, 0); store<u32>(X87_DS, 0);
  if (hasOperand) store<u64>(X87_DP, OFFSET_OF(record, operandAddress));
}

/** Sets the sticky flags and, with one of them unmasked, the summary. True when nothing unmasked forbids the result (IE, DE, ZE do). */
export function report(): bool {
  const unmasked = raised & unmaskedX87();
  if (unmasked & FloatException.Before) { setRaised(raised & FloatException.Before); setRoundedUp0(); }
  let s = status() | raised;
  if (roundedUp) s |= C1;
  if (unmasked) s |= ES_B;
  setStatus(s);
  if (unmasked) recordPointers();
  return (unmasked & FloatException.Before) == 0;
}
@inline function setRoundedUp0(): void { const flags = raised; clearRaised(); setRaised(flags); }

/** Stack underflow (or overflow: C1 = 1): IE and SF. True when IE is masked, so the default NaN is to be stored. */
export function stackFault(overflow: bool): bool {
  clearRaised();
  setRaised(IE);
  setStatus(status() & ~C1 | SF | (overflow ? C1 : 0));
  return report();
}
/** A push that would overflow: stores the default NaN when IE is masked. True when the caller must stop. */
export function pushOverflows(): bool {
  if (isEmpty(7)) return false;
  if (stackFault(true)) { push(); setSt(0, NAN80_SE, NAN80_SIG); }
  return true;
}
/**
 * ST(i) is empty: the default NaN goes to ST(d) when IE is masked. True when the caller must stop; `pops` times the stack is popped then.
 */
export function underflows(i: u32, d: u32, pops: u32): bool {
  if (!isEmpty(i)) return false;
  if (stackFault(false)) { setSt(d, NAN80_SE, NAN80_SIG); while (pops) { pop(); pops--; } }
  return true;
}

let uClass: u32 = 0, uExp: i32 = 0, uSig: u64 = 0;
/** Unpacks a double extended number; true for a denormal (or pseudo-denormal). */
function unpack80(se: u32, sig: u64): bool {
  const e = se & EXPONENT80;
  uSig = sig; uExp = <i32>e - 16383;
  if (e == EXPONENT80) {
    if (!(sig >> 63)) uClass = UNSUPPORTED;
    else uClass = sig == INTEGER_BIT ? INFINITE : sig & QUIET80 ? QNAN : SNAN;
    return false;
  }
  if (e) { uClass = sig >> 63 ? FINITE : UNSUPPORTED; return false; }
  if (!sig) { uClass = ZERO_CLASS; return false; }
  const n = leading(sig);
  uClass = FINITE; uExp = -16382 - n; uSig = sig << n;
  return true;
}
/** Operand a or b of the engine := the register at `slot`. */
export function unpackA80(slot: usize): bool {
  const se = signExponent(slot), d = unpack80(se, significand(slot));
  setA(uClass, se >> 15, uExp, uSig);
  return d;
}
export function unpackB80(slot: usize): bool {
  const se = signExponent(slot), d = unpack80(se, significand(slot));
  setB(uClass, se >> 15, uExp, uSig);
  return d;
}

/** Rounds a finite r to `precision` bits with the range of the extended format. */
export function round80(precision: u32): void {
  if (rClass == FINITE) round(precision, -16382, 16383, x87Rounding(), unmaskedX87() & RANGE, false, 24576);
}
/** Sign and exponent, and significand, of the rounded r. */
export function packedSe(): u32 {
  const s = rSign << 15;
  if (rClass == ZERO_CLASS) return s;
  if (rClass == INFINITE) return s | EXPONENT80;
  if (rClass == INVALID) return NAN80_SE;
  if (rClass >= QNAN) return s | EXPONENT80;
  return rSig >> 63 ? s | <u32>(rExp + 16383) & EXPONENT80 : s;
}
export function packedSig(): u64 {
  if (rClass == ZERO_CLASS) return 0;
  if (rClass == INFINITE) return INTEGER_BIT;
  if (rClass == INVALID) return NAN80_SIG;
  return rSig;
}
/** ST(i) := r. */
export function putR(i: u32): void { setSt(i, packedSe(), packedSig()); }
