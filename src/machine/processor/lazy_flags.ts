// SPDX-License-Identifier: LGPL-2.1-only
// RFLAGS between the SDM's form and the core's: the core keeps the arithmetic flags as a sign-extended result (FR), a carry-in vector (FX)
// and three bits (FC), and the other flags in RFLAGS. `Layout` describes the words.
import { Rflags, STATUS_FLAGS } from '../../intrinsics/registers/registers.js';
import { Layout } from '../layout/layout.js';

const fr = Layout.FR >>> 2;
const fx = Layout.FX >>> 2;
const fc = Layout.FC >>> 2;
const system = Layout.RFLAGS_SYSTEM >>> 2;

const {
  CarryFlag: carryFlag,
  ParityFlag: parityFlag,
  AuxiliaryCarryFlag: adjustFlag,
  ZeroFlag: zeroFlag,
  SignFlag: signFlag,
  OverflowFlag: overflowFlag,
} = Rflags;

/** Whether a byte has an even number of ones. */
function evenParity(byte: number): boolean {
  byte ^= byte >>> 4;
  return ((0x9669 >>> (byte & 15)) & 1) !== 0;
}

/** RFLAGS bits 31:0 as PUSHF would show them; bits 63:32 are 0. */
export function readFlags(u32: Uint32Array): number {
  const resultLow = u32[fr]!;
  const resultHigh = u32[fr + 1]!;
  const bits = u32[fc]!;
  const carryVector = u32[fx + 1]! >>> 31;
  let flags = (u32[system]! & ~STATUS_FLAGS) | 2;
  if ((bits & 1) !== 0) flags |= carryFlag;
  if (evenParity(resultLow & 0xff) !== ((bits & 4) !== 0)) flags |= parityFlag;
  if ((u32[fx]! & adjustFlag) !== 0) flags |= adjustFlag;
  if ((resultLow | resultHigh) === 0) flags |= zeroFlag;
  if (resultHigh >>> 31 !== ((bits >>> 1) & 1)) flags |= signFlag;
  if ((carryVector ^ (bits & 1)) !== 0) flags |= overflowFlag;
  return flags >>> 0;
}

/** Stores RFLAGS in the core's form. It stores a result of 0 or 1, and corrects SF and PF by the inverting bits. */
export function writeFlags(u32: Uint32Array, flags: number): void {
  const zero = (flags & zeroFlag) !== 0;
  // 0 has even parity, 1 odd: bit 2 inverts where the wanted PF differs.
  const parityDiffers = ((flags & parityFlag) !== 0) !== zero;
  const carry = flags & 1;
  const overflow = (flags >>> 11) & 1;
  u32[fr] = zero ? 0 : 1;
  u32[fr + 1] = 0;
  u32[fx] = flags & adjustFlag;
  u32[fx + 1] = (carry ^ overflow) << 31;
  u32[fc] = carry | (((flags >>> 7) & 1) << 1) | (parityDiffers ? 4 : 0);
  u32[fc + 1] = 0;
  u32[system] = (flags & ~STATUS_FLAGS) | 2;
  u32[system + 1] = 0;
}
