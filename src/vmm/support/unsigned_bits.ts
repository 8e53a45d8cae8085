// SPDX-License-Identifier: LGPL-2.1-only

/** Sizes of addresses and registers. */
type Bits = 16 | 32 | 64;

const masks: Readonly<Record<Bits, bigint>> = { 16: 0xffffn, 32: 0xffff_ffffn, 64: 0xffff_ffff_ffff_ffffn };

/** The lower bits of a value, as a number that is not negative. In QuickJS, the engine meant for bare metal, BigInt.asUintN gives negative ones. */
export const unsignedBits = (bits: number, value: bigint): bigint => value & masks[bits as Bits];
