// SPDX-License-Identifier: LGPL-2.1-only
// Bit and bit-field instructions: SDM Volume 1 "Bit and Byte Instructions".
// BT, BTS, BTR, BTC change CF only (the other flags are undefined and stay, ZF must stay).
import { get, open, set, value } from "../memory/access";
import { SEGMENT_CHECK } from "../state/access_kind";
import { DECODE_CODE, DECODE_CODE64, DECODE_MODE } from "../generated/layout";
import { setCarry } from "../state/flags";
import { Mem, Reg, reg, setFlags, setReg, sx } from "../state/registers";

/** The bit offset inside an operand: modulo the operand size. */
@inline function index<T, S>(s: S): u64 { return <u64>value<T, S>(s) & (sizeof<T>() * 8 - 1); }

/**
 * The word of a bit string in memory that holds a signed bit offset in a register (SDM 2A "BT—Bit Test": "can access bits outside the
 * operand").
 * The effective address is cut to the address size again.
 */
@inline function word<T, A>(d: Mem, s: Reg, segment: Reg): Mem {
  const delta = <u64>((sx<T>(reg<T>(s)) & ~(<i64>sizeof<T>() * 8 - 1)) >> 3);
  if (sizeof<A>() == 8) return d + delta;
  else {
    const base = reg<u64>(segment), ea = base + <u64><A>(d - base + delta);
    return (load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64 ? ea : (ea & 0xffffffff) | (d & SEGMENT_CHECK);
  }
}

/** BT: CF := bit. */
@inline export function BT<T, D, S>(d: D, s: S): void { setCarry((<u64>value<T, D>(d) >> index<T, S>(s)) & 1); }

/** BT of a bit string in memory. */
@inline export function BT_STRING<T, A>(d: Mem, s: Reg, segment: Reg): void { BT<T, Mem, Reg>(word<T, A>(d, s, segment), s); }

/** BTS: CF := bit, bit := 1. SDM 2A "BTS—Bit Test and Set". */
@inline export function BTS<T, D, S>(d: D, s: S): void {
  const i = index<T, S>(s), p = open<T, D>(d), a = <u64>get<T, D>(p);
  set<T, D>(p, <T>(a | (<u64>1 << i)));
  setCarry((a >> i) & 1);
}

/** BTS of a bit string in memory. */
@inline export function BTS_STRING<T, A>(d: Mem, s: Reg, segment: Reg): void { BTS<T, Mem, Reg>(word<T, A>(d, s, segment), s); }

/** BTR: CF := bit, bit := 0. SDM 2A "BTR—Bit Test and Reset". */
@inline export function BTR<T, D, S>(d: D, s: S): void {
  const i = index<T, S>(s), p = open<T, D>(d), a = <u64>get<T, D>(p);
  set<T, D>(p, <T>(a & ~(<u64>1 << i)));
  setCarry((a >> i) & 1);
}

/** BTR of a bit string in memory. */
@inline export function BTR_STRING<T, A>(d: Mem, s: Reg, segment: Reg): void { BTR<T, Mem, Reg>(word<T, A>(d, s, segment), s); }

/** BTC: CF := bit, bit := not bit. SDM 2A "BTC—Bit Test and Complement". */
@inline export function BTC<T, D, S>(d: D, s: S): void {
  const i = index<T, S>(s), p = open<T, D>(d), a = <u64>get<T, D>(p);
  set<T, D>(p, <T>(a ^ (<u64>1 << i)));
  setCarry((a >> i) & 1);
}

/** BTC of a bit string in memory. */
@inline export function BTC_STRING<T, A>(d: Mem, s: Reg, segment: Reg): void { BTC<T, Mem, Reg>(word<T, A>(d, s, segment), s); }

/** ZF from a value, CF given, the undefined rest 0. */
@inline function flagsScan<T>(zero: T, c: u64): void { setFlags(u64(zero != 0), <i64>(c << 63), c); }

/** BSF: a source of 0 sets ZF and leaves the destination as it was. SDM 2A "BSF—Bit Scan Forward". */
@inline export function BSF<T, S>(d: Reg, s: S): void {
  const v = value<T, S>(s);
  if (v != 0) setReg<T>(d, <T>ctz<u64>(<u64>v));
  flagsScan<T>(v, 0);
}

/** BSR: a source of 0 sets ZF and leaves the destination as it was. SDM 2A "BSR—Bit Scan Reverse". */
@inline export function BSR<T, S>(d: Reg, s: S): void {
  const v = value<T, S>(s);
  if (v != 0) setReg<T>(d, <T>(63 - clz<u64>(<u64>v)));
  flagsScan<T>(v, 0);
}

/** LZCNT: CF = source is 0, ZF = result is 0. SDM 2A "LZCNT—Count the Number of Leading Zero Bits". */
@inline export function LZCNT<T, S>(d: Reg, s: S): void {
  const v = value<T, S>(s), r = <T>(clz<u64>(<u64>v) - (64 - sizeof<T>() * 8));
  setReg<T>(d, r);
  flagsScan<T>(r, u64(v == 0));
}

/** TZCNT: CF = source is 0, ZF = result is 0. SDM 2B "TZCNT—Count the Number of Trailing Zero Bits". */
@inline export function TZCNT<T, S>(d: Reg, s: S): void {
  const v = value<T, S>(s), r = v == 0 ? <T>(sizeof<T>() * 8) : <T>ctz<u64>(<u64>v);
  setReg<T>(d, r);
  flagsScan<T>(r, u64(v == 0));
}

/** POPCNT: ZF = source is 0, the other flags 0. SDM 2B "POPCNT—Return the Count of Number of Bits Set to 1". */
@inline export function POPCNT<T, S>(d: Reg, s: S): void {
  const v = value<T, S>(s);
  setReg<T>(d, <T>popcnt<u64>(<u64>v));
  setFlags(u64(v != 0), 0, u64(v == 0) << 2);                        // PF is 0 although the lazy result 0 would make it 1
}
