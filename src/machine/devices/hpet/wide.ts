// SPDX-License-Identifier: LGPL-2.1-only
// Numbers of 64 bits as two halves. Software polls the HPET in loops that it leaves only after a millisecond, so an access must allocate nothing:
// with BigInt, such a loop of Linux took a tenth of its boot.

/** A number of 64 bits: plain data for a state, changed in place. */
export interface Wide {
  /** Bits 31:0 and 63:32, as unsigned numbers. */
  low: number;
  high: number;
}

const HALF = 2 ** 32;
const HALF_MASK = 0xffff_ffff;

export const wide = (low = 0, high = 0): Wide => ({ low, high });

/** `to` becomes a copy. */
export function copyWide(to: Wide, { low, high }: Wide): void {
  to.low = low;
  to.high = high;
}

/** Adds a number below 2^53, modulo 2^64. */
export function addTo(number: Wide, addend: number): void {
  const low = number.low + (addend % HALF);
  number.low = low % HALF;
  number.high = (number.high + Math.floor(addend / HALF) + (low >= HALF ? 1 : 0)) % HALF;
}

/** `from` - `less` modulo 2^64, or modulo 2^32. It is exact below 2^53; beyond it has the nearest number. */
export function difference(from: Wide, less: Wide, isNarrow: boolean): number {
  const low = (from.low - less.low) >>> 0;
  if (isNarrow) return low;
  const high = (from.high - less.high - (from.low < less.low ? 1 : 0)) >>> 0;
  return high * HALF + low;
}

/** Bytes of a number, from a byte on. Beyond its end are zeros. */
export function bytesOf({ low, high }: Wide, first: number, size: 1 | 2 | 4): number {
  const shift = 8 * (first & 3);
  const part = first >= 4 ? high >>> shift : shift === 0 ? low : (low >>> shift) | (high << (32 - shift));
  return size === 4 ? part >>> 0 : (part & (2 ** (8 * size) - 1)) >>> 0;
}

/** Also of what a damaged snapshot holds. */
export const toBigInt = ({ low, high }: Wide): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

export function setBigInt(number: Wide, value: bigint): void {
  number.low = Number(value & BigInt(HALF_MASK));
  number.high = Number((value >> 32n) & BigInt(HALF_MASK));
}
