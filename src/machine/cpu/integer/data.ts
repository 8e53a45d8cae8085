// SPDX-License-Identifier: LGPL-2.1-only
// Data transfer: SDM Volume 1 "Data Transfer Instructions", "Flag Control (EFLAG) Instructions", "Miscellaneous Instructions".
// T is the operand size; D and S are the operand kinds Reg, Mem or Imm (registers.ts).
import { get, open, probe, read, set, value, write, flushLine } from "../memory/access";
import { partAddress } from "../memory/operand_part";
import { arithmeticFlags, CF, flagsAdd, flagsSub, setArithmeticFlags } from "../state/flags";
import { inSegment } from "./string";
import { RAX, RBX, RCX, RDX, RFLAGS_SYSTEM } from "../generated/layout";
import { BR, GP, Rflags, ResetState } from "../generated/architecture";
import { raise, raiseCode } from "../events/raise";
import { fc, fr, fx, Mem, Reg, reg, setFlags, setReg, sx } from "../state/registers";

/** Writes a destination whose old value does not matter. */
@inline function assign<T, D>(d: D, v: T): void {
  if (sizeof<D>() == 4) setReg<T>(<Reg>d, v); else write<T>(<Mem>d, v);
}

/** MOV between general registers, memory and immediates. SDM 2B "MOV—Move". */
@inline export function MOV<T, D, S>(d: D, s: S): void { assign<T, D>(d, value<T, S>(s)); }

/** MOVZX: U is the size of the source. SDM 2B "MOVZX—Move With Zero-Extend". */
@inline export function MOVZX<T, U, S>(d: Reg, s: S): void { setReg<T>(d, <T>value<U, S>(s)); }

/** MOVSX: U is the size of the source. SDM 2B "MOVSX/MOVSXD—Move With Sign-Extension". */
@inline export function MOVSX<T, U, S>(d: Reg, s: S): void { setReg<T>(d, <T>sx<U>(value<U, S>(s))); }

/** MOVSXD: without REX.W a plain move, which reads only 16 bits for a 16-bit destination. */
@inline export function MOVSXD<T, S>(d: Reg, s: S): void {
  if (sizeof<T>() == 2) setReg<T>(d, <T>value<u16, S>(s)); else setReg<T>(d, <T>sx<u32>(value<u32, S>(s)));
}

/** MOVBE: a byte-swapped load or store. SDM 2B "MOVBE—Move Data After Swapping Bytes". */
@inline export function MOVBE<T, D, S>(d: D, s: S): void { assign<T, D>(d, <T>bswap<T>(value<T, S>(s))); }

/** LEA: the effective address, without segment base, cut to the operand size. SDM 2A "LEA—Load Effective Address". */
@inline export function LEA<T>(d: Reg, ea: Mem): void { setReg<T>(d, <T>ea); }

/** XCHG: the memory operand is always locked, and opened for writing first. SDM 2D "XCHG—Exchange Register/Memory With Register". */
@inline export function XCHG<T, D>(d: D, s: Reg): void {
  const p = open<T, D>(d), a = get<T, D>(p), b = reg<T>(s);
  set<T, D>(p, b);
  setReg<T>(s, a);
}

/** XADD: SRC := DEST, DEST := old DEST + SRC; with one register for both the sum stays. SDM 2D "XADD—Exchange and Add". */
@inline export function XADD<T, D>(d: D, s: Reg): void {
  const p = open<T, D>(d), a = get<T, D>(p), b = reg<T>(s), r = <T>(a + b);
  setReg<T>(s, a);
  set<T, D>(p, r);
  flagsAdd<T>(a, b, r);
}

/** XLAT: AL := byte at rBX + AL. SDM 2D "XLAT/XLATB—Table Look-up Translation". */
@inline export function XLAT<A>(segment: Reg): void {
  setReg<u8>(RAX, read<u8>(inSegment<A>(segment, <u64>reg<A>(RBX) + <u64>reg<u8>(RAX))));
}

/**
 * CMPXCHG: memory is written in both cases, so it must be writable; a register destination that does not match is left alone, upper half
 * included. SDM 2A "CMPXCHG—Compare and Exchange".
 */
@inline export function CMPXCHG<T, D>(d: D, s: Reg): void {
  const p = open<T, D>(d), a = reg<T>(RAX), old = get<T, D>(p);
  if (a == old) set<T, D>(p, reg<T>(s));
  else {
    if (sizeof<D>() != 4) set<T, D>(p, old);
    setReg<T>(RAX, old);
  }
  flagsSub<T>(a, old, <T>(a - old));
}

/** Changes ZF and nothing else. */
@inline function setZeroFlag(zero: bool): void { setArithmeticFlags((arithmeticFlags() & ~<u32>Rflags.ZeroFlag) | (u32(zero) << 6)); }

/**
 * CMPXCHG8B m64 (T = u32): EDX:EAX against the operand; CMPXCHG16B m128 (T = u64): RDX:RAX, the operand aligned to 16 bytes, else #GP(0).
 * Only ZF changes. SDM 2A "CMPXCHG8B/CMPXCHG16B—Compare and Exchange Bytes".
 */
export function CMPXCHG8B<T>(d: Mem): void {
  if (sizeof<T>() == 8 && (d & 15) != 0) raiseCode(GP, 0);
  probe(d, 2 * sizeof<T>(), 2 * sizeof<T>(), 1);
  const lo = read<T>(d), hi = read<T>(d + sizeof<T>()), same = reg<T>(RAX) == lo && reg<T>(RDX) == hi;
  write<T>(d, same ? reg<T>(RBX) : lo);
  write<T>(d + sizeof<T>(), same ? reg<T>(RCX) : hi);
  if (!same) {
    setReg<T>(RAX, lo);
    setReg<T>(RDX, hi);
  }
  setZeroFlag(same);
}

/** BSWAP; the 16-bit form is undefined, processors store 0. SDM 2A "BSWAP—Byte Swap". */
@inline export function BSWAP<T>(d: Reg): void {
  if (sizeof<T>() == 2) setReg<T>(d, <T>0); else setReg<T>(d, <T>bswap<T>(reg<T>(d)));
}

/** CBW, CWDE, CDQE by operand size. SDM 2A "CBW/CWDE/CDQE". */
@inline export function CBW<T>(): void {
  if (sizeof<T>() == 2) setReg<u16>(RAX, <u16>sx<u8>(reg<u8>(RAX)));
  else if (sizeof<T>() == 4) setReg<u32>(RAX, <u32>sx<u16>(reg<u16>(RAX)));
  else setReg<u64>(RAX, <u64>sx<u32>(reg<u32>(RAX)));
}

/** CWD, CDQ, CQO by operand size. SDM 2A "CWD/CDQ/CQO". */
@inline export function CWD<T>(): void { setReg<T>(RDX, <T>(sx<T>(reg<T>(RAX)) >> 63)); }

/** The flags that AH holds, and the flag that is always 1. */
@inline const AH_FLAGS: u32 = <u32>(Rflags.SignFlag | Rflags.ZeroFlag | Rflags.AuxiliaryCarryFlag | Rflags.ParityFlag | Rflags.CarryFlag);
@inline const RFLAGS_FIXED: u32 = <u32>ResetState.Rflags;
/** LAHF: AH := SF:ZF:0:AF:0:PF:1:CF. SDM 2A "LAHF—Load Status Flags Into AH Register". */
export function LAHF(): void { setReg<u8>(RAX + 1, <u8>((arithmeticFlags() & AH_FLAGS) | RFLAGS_FIXED)); }

/** SAHF: SF ZF AF PF CF from AH; OF stays. SDM 2B "SAHF—Store AH Into Flags". */
export function SAHF(): void { setArithmeticFlags((arithmeticFlags() & ~AH_FLAGS) | (<u32>reg<u8>(RAX + 1) & AH_FLAGS)); }

/** CF := c; OF is FX bit 63 ^ CF, so that bit turns with it. */
@inline function setCarry(c: u64): void { setFlags(fr(), fx() ^ <i64>(((fc() ^ c) & 1) << 63), (fc() & ~1) | c); }

/** CLC. SDM 2A "CLC—Clear Carry Flag". */
@inline export function CLC(): void { setCarry(0); }

/** STC. SDM 2B "STC—Set Carry Flag". */
@inline export function STC(): void { setCarry(1); }

/** CMC. SDM 2A "CMC—Complement Carry Flag". */
@inline export function CMC(): void { setCarry((fc() & 1) ^ 1); }

/** CLD. SDM 2A "CLD—Clear Direction Flag". */
@inline export function CLD(): void { store<u64>(RFLAGS_SYSTEM, load<u64>(RFLAGS_SYSTEM) & ~Rflags.DirectionFlag); }

/** STD. SDM 2B "STD—Set Direction Flag". */
@inline export function STD(): void { store<u64>(RFLAGS_SYSTEM, load<u64>(RFLAGS_SYSTEM) | Rflags.DirectionFlag); }

/** SALC: AL := CF ? FFH : 0. Not in the SDM; every Intel processor has it outside 64-bit mode. */
export function SALC(): void { setReg<u8>(RAX, CF() ? 0xff : 0); }

/**
 * NOP with a ModRM byte, and the hints that this model ignores (PREFETCHh, PREFETCHW, the reserved-NOP space): nothing is accessed. SDM 2B
 * "NOP—No Operation".
 */
@inline export function HINT<D>(_d: D): void {}

/**
 * PREFETCHW and its relatives 0F 0D: a hint, nothing is accessed. SDM 2B "PREFETCHW—Prefetch Data Into Caches in Anticipation of a Write".
 */
@inline export function PREFETCH(_d: Mem): void {}

/** LFENCE, MFENCE, SFENCE: this machine executes in order. SDM 2A "LFENCE—Load Fence". */
@inline export function FENCE(_r: Reg): void {}

/** CLFLUSH, CLFLUSHOPT: there is no cache to flush. SDM 2A "CLFLUSH—Flush Cache Line". */
@inline export function CLFLUSH(d: Mem): void { flushLine(d); }

/**
 * BOUND: #BR when the signed index lies outside the pair of bounds in memory. The upper one is read when the lower one holds, as Intel's
 * processors do. SDM 2A "BOUND—Check Array Index Against Bounds".
 */
export function BOUND<T>(d: Reg, s: Mem): void {
  const i = sx<T>(reg<T>(d));
  if (i < sx<T>(read<T>(s)) || i > sx<T>(read<T>(partAddress(s, sizeof<T>())))) raise(BR);
}
