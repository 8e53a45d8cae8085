// SPDX-License-Identifier: LGPL-2.1-only
// Binary arithmetic and logic: SDM Volume 1 "Binary Arithmetic Instructions", "Logical Instructions", "Comparison".
// T is the operand size (u8…u64); D and S are the operand kinds Reg, Mem or Imm (registers.ts). Everything that can fault comes first.
import { get, open, set, value } from "../memory/access";
import { CF, flagsAdd, flagsDec, flagsInc, flagsLogic, flagsSub, OF, setCarry, setOverflow } from "../state/flags";
import { Reg, reg, setFlags, setReg, sx } from "../state/registers";

/** ADD: DEST := DEST + SRC; OF SF ZF AF CF PF by the result. SDM 2A "ADD—Add". */
@inline export function ADD<T, D, S>(d: D, s: S): void {
  const b = value<T, S>(s), p = open<T, D>(d), a = get<T, D>(p), r = <T>(a + b);
  set<T, D>(p, r);
  flagsAdd<T>(a, b, r);
}

/** ADC: DEST := DEST + SRC + CF; a carry out with SRC all ones and CF = 1 shows as r = a. SDM 2A "ADC—Add With Carry". */
@inline export function ADC<T, D, S>(d: D, s: S): void {
  const b = value<T, S>(s), p = open<T, D>(d), a = get<T, D>(p), c = u64(CF()), r = <T>(a + b + <T>c);
  set<T, D>(p, r);
  setFlags(sx<T>(r), sx<T>(<T>(a ^ b ^ r)), carryOut<T>(a, r, c));
}

/** The carry out of a + b + c = r. */
@inline function carryOut<T>(a: T, r: T, c: u64): u64 { return u64(r < a) | (u64(r == a) & c); }

/** ADCX: DEST := DEST + SRC + CF, only CF changes. SDM 2A "ADCX—Unsigned Integer Addition of Two Operands With Carry Flag". */
@inline export function ADCX<T, S>(d: Reg, s: S): void {
  const b = value<T, S>(s), a = reg<T>(d), c = u64(CF()), r = <T>(a + b + <T>c);
  setReg<T>(d, r);
  setCarry(carryOut<T>(a, r, c));
}

/** ADOX: the same with OF. SDM 2A "ADOX—Unsigned Integer Addition of Two Operands With Overflow Flag". */
@inline export function ADOX<T, S>(d: Reg, s: S): void {
  const b = value<T, S>(s), a = reg<T>(d), c = u64(OF()), r = <T>(a + b + <T>c);
  setReg<T>(d, r);
  setOverflow(carryOut<T>(a, r, c));
}

/** SUB: DEST := DEST - SRC. SDM 2B "SUB—Subtract". */
@inline export function SUB<T, D, S>(d: D, s: S): void {
  const b = value<T, S>(s), p = open<T, D>(d), a = get<T, D>(p), r = <T>(a - b);
  set<T, D>(p, r);
  flagsSub<T>(a, b, r);
}

/** SBB: DEST := DEST - (SRC + CF). SDM 2B "SBB—Integer Subtraction With Borrow". */
@inline export function SBB<T, D, S>(d: D, s: S): void {
  const b = value<T, S>(s), p = open<T, D>(d), a = get<T, D>(p), c = u64(CF()), r = <T>(a - b - <T>c);
  set<T, D>(p, r);
  setFlags(sx<T>(r), sx<T>(<T>(a ^ b ^ r)), u64(a < b) | (u64(a == b) & c));
}

/** CMP: the flags of DEST - SRC, nothing written. SDM 2A "CMP—Compare Two Operands". */
@inline export function CMP<T, D, S>(d: D, s: S): void {
  const a = value<T, D>(d), b = value<T, S>(s);
  flagsSub<T>(a, b, <T>(a - b));
}

/** AND: DEST := DEST & SRC; CF and OF become 0; AF is undefined, 0 here. SDM 2A "AND—Logical AND". */
@inline export function AND<T, D, S>(d: D, s: S): void {
  const b = value<T, S>(s), p = open<T, D>(d), r = <T>(get<T, D>(p) & b);
  set<T, D>(p, r);
  flagsLogic<T>(r);
}

/** OR: DEST := DEST | SRC; flags as AND. SDM 2B "OR—Logical Inclusive OR". */
@inline export function OR<T, D, S>(d: D, s: S): void {
  const b = value<T, S>(s), p = open<T, D>(d), r = <T>(get<T, D>(p) | b);
  set<T, D>(p, r);
  flagsLogic<T>(r);
}

/** XOR: DEST := DEST ^ SRC; flags as AND. SDM 2D "XOR—Logical Exclusive OR". */
@inline export function XOR<T, D, S>(d: D, s: S): void {
  const b = value<T, S>(s), p = open<T, D>(d), r = <T>(get<T, D>(p) ^ b);
  set<T, D>(p, r);
  flagsLogic<T>(r);
}

/** TEST: the flags of DEST & SRC, nothing written. SDM 2B "TEST—Logical Compare". */
@inline export function TEST<T, D, S>(d: D, s: S): void {
  const a = value<T, D>(d), b = value<T, S>(s);
  flagsLogic<T>(<T>(a & b));
}

/** NEG: DEST := 0 - DEST; CF = (DEST was not 0). SDM 2B "NEG—Two's Complement Negation". */
@inline export function NEG<T, D>(d: D): void {
  const p = open<T, D>(d), a = get<T, D>(p), r = <T>(<T>0 - a);
  set<T, D>(p, r);
  flagsSub<T>(<T>0, a, r);
}

/** NOT: DEST := ~DEST; no flag changes. SDM 2B "NOT—One's Complement Negation". */
@inline export function NOT<T, D>(d: D): void {
  const p = open<T, D>(d);
  set<T, D>(p, <T>~get<T, D>(p));
}

/** INC: DEST := DEST + 1; CF stays. SDM 2A "INC—Increment by 1". */
@inline export function INC<T, D>(d: D): void {
  const p = open<T, D>(d), a = get<T, D>(p), r = <T>(a + 1);
  set<T, D>(p, r);
  flagsInc<T>(a, r);
}

/** DEC: DEST := DEST - 1; CF stays. SDM 2A "DEC—Decrement by 1". */
@inline export function DEC<T, D>(d: D): void {
  const p = open<T, D>(d), a = get<T, D>(p), r = <T>(a - 1);
  set<T, D>(p, r);
  flagsDec<T>(a, r);
}
