// SPDX-License-Identifier: LGPL-2.1-only
// Shifts and rotates: SDM Volume 1 "Shift and Rotate Instructions". The count is masked to 5 bits, 6 for 64-bit operands. A masked count of
// 0 changes no flag, but the destination is still opened for writing and a 32-bit register still zero-extended.
// OF is defined for a count of 1 only; for others it follows the same formula, as on processors of this model. AF is undefined, 0 here.
import { get, open, set } from "../memory/access";
import { CF, flagsCO } from "../state/flags";
import { fr, fx, fc, Reg, reg, setFlags, sx } from "../state/registers";

/** The masked count. */
@inline function masked<T>(count: u8): u32 { return <u32>count & (sizeof<T>() == 8 ? 63 : 31); }

/** The sign bit of a value of size T. */
@inline function top<T>(v: T): u64 { return u64(sx<T>(v) < 0); }

/** The bit below the sign bit. */
@inline function second<T>(v: T): u64 { return (<u64>v >> (sizeof<T>() * 8 - 2)) & 1; }

/** The bits of FX below OF's. */
@inline const BELOW_SIGN: u64 = 0x7fffffffffffffff;
/** Rotates change CF and OF only. */
@inline function setCarryOverflow(c: u64, o: u64): void {
  setFlags(fr(), <i64>((<u64>fx() & BELOW_SIGN) | ((c ^ o) << 63)), (fc() & ~1) | c);
}

/** SHL, SAL. SDM 2B "SAL/SAR/SHL/SHR—Shift". */
@inline export function SHL<T, D>(d: D, count: u8): void {
  const n = masked<T>(count), p = open<T, D>(d), a = get<T, D>(p), r = <T>(<u64>a << n);
  set<T, D>(p, r);
  if (n) {
    const c = n > sizeof<T>() * 8 ? 0 : (<u64>a >> (sizeof<T>() * 8 - n)) & 1;
    flagsCO<T>(r, c, top<T>(r) ^ c);
  }
}

/** SHR. */
@inline export function SHR<T, D>(d: D, count: u8): void {
  const n = masked<T>(count), p = open<T, D>(d), a = get<T, D>(p), r = <T>(<u64>a >> n);
  set<T, D>(p, r);
  if (n) flagsCO<T>(r, (<u64>a >> (n - 1)) & 1, top<T>(r) ^ second<T>(r));
}

/** SAR: OF becomes 0. */
@inline export function SAR<T, D>(d: D, count: u8): void {
  const n = masked<T>(count), p = open<T, D>(d), a = sx<T>(get<T, D>(p)), r = <T>(a >> n);
  set<T, D>(p, r);
  if (n) flagsCO<T>(r, <u64>(a >> (n - 1)) & 1, 0);
}

/** ROL: only CF and OF change; CF is the last bit moved even when the count is a multiple of the size. SDM 2B "RCL/RCR/ROL/ROR—Rotate". */
@inline export function ROL<T, D>(d: D, count: u8): void {
  const n = masked<T>(count), p = open<T, D>(d), r = rotl<T>(get<T, D>(p), <T>n);
  set<T, D>(p, r);
  if (n) {
    const c = <u64>r & 1;
    setCarryOverflow(c, top<T>(r) ^ c);
  }
}

/** ROR. */
@inline export function ROR<T, D>(d: D, count: u8): void {
  const n = masked<T>(count), p = open<T, D>(d), r = rotr<T>(get<T, D>(p), <T>n);
  set<T, D>(p, r);
  if (n) setCarryOverflow(top<T>(r), top<T>(r) ^ second<T>(r));
}

/** The count of a rotate through carry: modulo 9 or 17 for bytes and words. */
@inline function throughCarry<T>(n: u32): u32 { return sizeof<T>() <= 2 ? n % (sizeof<T>() * 8 + 1) : n; }

/** RCL: rotates CF:DEST. */
@inline export function RCL<T, D>(d: D, count: u8): void {
  const n = throughCarry<T>(masked<T>(count)), p = open<T, D>(d), a = <u64>get<T, D>(p), bits: u32 = sizeof<T>() * 8, old = u64(CF());
  let r = <T>a;
  if (n) r = <T>((a << n) | (old << (n - 1)) | (n > 1 ? a >> (bits + 1 - n) : 0));
  set<T, D>(p, r);
  if (n) {
    const c = (a >> (bits - n)) & 1;
    setCarryOverflow(c, top<T>(r) ^ c);
  }
}

/** RCR: rotates DEST:CF. */
@inline export function RCR<T, D>(d: D, count: u8): void {
  const n = throughCarry<T>(masked<T>(count)), p = open<T, D>(d), a = <u64>get<T, D>(p), bits: u32 = sizeof<T>() * 8, old = u64(CF());
  let r = <T>a;
  if (n) r = <T>((a >> n) | (old << (bits - n)) | (n > 1 ? a << (bits + 1 - n) : 0));
  set<T, D>(p, r);
  if (n) setCarryOverflow((a >> (n - 1)) & 1, top<T>(r) ^ second<T>(r));
}

/**
 * SHLD: the upper bits of SRC come in from the right. A 16-bit count above 16 is undefined: then DEST:SRC:DEST shifts, as Intel processors
 * do.
 * SDM 2B "SHLD—Double Precision Shift Left".
 */
@inline export function SHLD<T, D>(d: D, s: Reg, count: u8): void {
  const n = masked<T>(count), p = open<T, D>(d), a = <u64>get<T, D>(p), b = <u64>reg<T>(s), bits: u32 = sizeof<T>() * 8;
  let r = <T>a, c: u64 = 0;
  if (n) {
    if (sizeof<T>() == 2) {
      const x = (a << 32) | (b << 16) | a;
      r = <T>(x >> (32 - n));
      c = (x >> (48 - n)) & 1;
    } else {
      r = <T>((a << n) | (b >> (bits - n)));
      c = (a >> (bits - n)) & 1;
    }
  }
  set<T, D>(p, r);
  if (n) flagsCO<T>(r, c, top<T>(r) ^ c);
}

/** SHRD: the lower bits of SRC come in from the left. SDM 2B "SHRD—Double Precision Shift Right". */
@inline export function SHRD<T, D>(d: D, s: Reg, count: u8): void {
  const n = masked<T>(count), p = open<T, D>(d), a = <u64>get<T, D>(p), b = <u64>reg<T>(s), bits: u32 = sizeof<T>() * 8;
  let r = <T>a, c: u64 = 0;
  if (n) {
    if (sizeof<T>() == 2) {
      const x = (a << 32) | (b << 16) | a;
      r = <T>(x >> n);
      c = (x >> (n - 1)) & 1;
    } else {
      r = <T>((a >> n) | (b << (bits - n)));
      c = (a >> (n - 1)) & 1;
    }
  }
  set<T, D>(p, r);
  if (n) flagsCO<T>(r, c, top<T>(r) ^ second<T>(r));
}
