// SPDX-License-Identifier: LGPL-2.1-only
// Lazy arithmetic flags: three 64-bit words, the same for all operand sizes and operations.
//   ZF = FR == 0 · SF = FR < 0 (^ FC bit 1) · PF = parity(FR & 255) (^ FC bit 2) · CF = FC bit 0 · AF = FX bit 4 · OF = FX bit 63 ^ CF
// SDM 1 "EFLAGS Register". The other flags are the word RFLAGS_SYSTEM.
import { RFLAGS_SYSTEM } from "../generated/layout";
import { fc, fr, fx, setFlags, sx } from "./registers";
import { ResetState, Rflags, STATUS_FLAGS } from "../generated/architecture";
import { fieldOf } from "../state/bit_field";

// Markers of the template build: the compiled tier defers them, and pastes the words where a flag is wanted.
@external("t", "fAdd") declare function tAdd(a: i64, b: i64, r: i64): void;
@external("t", "fSub") declare function tSub(a: i64, b: i64, r: i64): void;
@external("t", "fInc") declare function tInc(a: i64, r: i64, c: i64): void;
@external("t", "fDec") declare function tDec(a: i64, r: i64, c: i64): void;
@external("t", "fLogic") declare function tLogic(r: i64): void;

/**
 * The words of r = a + b. The compiled tier pastes what the words functions compute for u64: it is right for sign-extended numbers of any
 * size.
 */
@inline export function addWords<T>(a: T, b: T, r: T): void { setFlags(sx<T>(r), sx<T>(<T>(a ^ b ^ r)), u64(r < a)); }
/** The words of r = a − b. */
@inline export function subWords<T>(a: T, b: T, r: T): void { setFlags(sx<T>(r), sx<T>(<T>(a ^ b ^ r)), u64(a < b)); }
/** The words of r = a + 1, `c`: CF, which stays. OF is a change of the sign, except from −1 to 0. */
@inline export function incWords<T>(a: T, r: T, c: u64): void { setFlags(sx<T>(r), stepCarries<T>(a, r, u64(r == <T>0) ^ c), c); }
/** The words of r = a − 1. OF is a change of the sign, except from 0 to −1. */
@inline export function decWords<T>(a: T, r: T, c: u64): void { setFlags(sx<T>(r), stepCarries<T>(a, r, u64(a == <T>0) ^ c), c); }
/** The words of a logical result. */
@inline export function logicWords<T>(r: T): void { setFlags(sx<T>(r), 0, 0); }
/** FX of a step by 1 with bit 63 inverted by `top`, so that OF comes out although CF is kept. */
@inline function stepCarries<T>(a: T, r: T, top: u64): i64 { return sx<T>(<T>(a ^ r ^ <T>1)) ^ <i64>(top << 63); }

/** Flags of r = a + b. */
@inline export function flagsAdd<T>(a: T, b: T, r: T): void {
  if (isDefined(TEMPLATE)) tAdd(sx<T>(a), sx<T>(b), sx<T>(r)); else addWords<T>(a, b, r);
}
/** Flags of r = a − b. */
@inline export function flagsSub<T>(a: T, b: T, r: T): void {
  if (isDefined(TEMPLATE)) tSub(sx<T>(a), sx<T>(b), sx<T>(r)); else subWords<T>(a, b, r);
}
/** Flags of r = a + 1; CF stays. */
@inline export function flagsInc<T>(a: T, r: T): void {
  if (isDefined(TEMPLATE)) tInc(sx<T>(a), sx<T>(r), <i64>(fc() & 1)); else incWords<T>(a, r, fc() & 1);
}
/** Flags of r = a − 1; CF stays. */
@inline export function flagsDec<T>(a: T, r: T): void {
  if (isDefined(TEMPLATE)) tDec(sx<T>(a), sx<T>(r), <i64>(fc() & 1)); else decWords<T>(a, r, fc() & 1);
}
/** Flags of a logical result: CF = OF = AF = 0. */
@inline export function flagsLogic<T>(r: T): void {
  if (isDefined(TEMPLATE)) tLogic(sx<T>(r)); else logicWords<T>(r);
}
/** CF and OF given (0 or 1), ZF SF PF from the result, AF = 0. */
@inline export function flagsCO<T>(r: T, c: u64, o: u64): void { setFlags(sx<T>(r), <i64>((c ^ o) << 63), c); }

/** CF := c; OF is FX bit 63 ^ CF, so that bit turns with it. */
@inline export function setCarry(c: u64): void { setFlags(fr(), fx() ^ <i64>(((fc() ^ c) & 1) << 63), (fc() & ~1) | c); }
/** OF := o, nothing else changes. */
@inline export function setOverflow(o: u64): void { setFlags(fr(), (fx() & i64.MAX_VALUE) | <i64>((o ^ (fc() & 1)) << 63), fc()); }

/** Carry flag. */
@inline export function CF(): bool { return <bool>(fc() & 1); }
/** Zero flag. */
@inline export function ZF(): bool { return fr() == 0; }
/** Sign flag. */
@inline export function SF(): bool { return <bool>((<u64>fr() >> 63 ^ (fc() >> 1)) & 1); }
/** Overflow flag. */
@inline export function OF(): bool { return <bool>((<u64>fx() >> 63) ^ (fc() & 1)); }
/** Parity flag. */
@inline export function PF(): bool { return <bool>((~popcnt<u64>(<u64>fr() & 255) ^ (fc() >> 2)) & 1); }
/** Auxiliary carry flag. */
@inline export function AF(): bool { return <bool>((<u64>fx() >> 4) & 1); }

@inline const CARRY: u32 = <u32>Rflags.CarryFlag;
@inline const PARITY: u32 = <u32>Rflags.ParityFlag;
@inline const ADJUST: u32 = <u32>Rflags.AuxiliaryCarryFlag;
@inline const ZERO: u32 = <u32>Rflags.ZeroFlag;
@inline const SIGN: u32 = <u32>Rflags.SignFlag;
@inline const OVERFLOW: u32 = <u32>Rflags.OverflowFlag;
@inline function at(flag: u32, on: bool): u32 { return u32(on) << ctz<u32>(flag); }
/** CF PF AF ZF SF OF at their places in RFLAGS, all others 0. */
@inline export function arithmeticFlags(): u32 {
  return u32(CF()) | at(PARITY, PF()) | at(ADJUST, AF()) | at(ZERO, ZF()) | at(SIGN, SF()) | at(OVERFLOW, OF());
}
/** Sets CF PF AF ZF SF OF from their places in RFLAGS; other bits are ignored. */
@inline export function setArithmeticFlags(v: u32): void {
  // FR = 0 gives ZF = 1, PF = 1, SF = 0; FR = 1 gives 0, 0, 0: FC bits 1 and 2 invert what differs.
  const zf = fieldOf(ZERO, v), cf = fieldOf(CARRY, v);
  const sf = fieldOf(SIGN, v), pf = fieldOf(PARITY, v), overflow = fieldOf(OVERFLOW, v), af = fieldOf(ADJUST, v);
  setFlags(<i64>(zf ^ 1), (<i64>(overflow ^ cf) << 63) | <i64>(af << 4), <u64>(cf | (sf << 1) | ((pf ^ zf) << 2)));
}

/** The whole RFLAGS. */
export function rflags(): u64 { return load<u64>(RFLAGS_SYSTEM) | <u64>arithmeticFlags(); }
/**
 * Replaces the bits of RFLAGS in `mask`. Callers that change TF, RF, IF, VM, IOPL or AC call `updateMode` or `attend` (system.ts)
 * themselves.
 */
export function replaceRflags(v: u64, mask: u64): void {
  const merged = (rflags() & ~mask) | (v & mask);
  setArithmeticFlags(<u32>merged);
  store<u64>(RFLAGS_SYSTEM, (merged & ~STATUS_FLAGS) | ResetState.Rflags);
}
