// SPDX-License-Identifier: LGPL-2.1-only
// 64-bit values between `bigint`, the form of the public interfaces, and the 32-bit halves of the machine.

/** Bits 31:0, unsigned. */
export function lowHalf(value: bigint): number {
  return Number(value & 0xffffffffn);
}

/** Bits 63:32, unsigned. */
export function highHalf(value: bigint): number {
  return Number((value >> 32n) & 0xffffffffn);
}

/** A value from two unsigned halves. */
export function fromHalves(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** The 64-bit word at an index of 32-bit words. */
export function word64(u32: Uint32Array, index: number): bigint {
  return fromHalves(u32[index]!, u32[index + 1]!);
}
