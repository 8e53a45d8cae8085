// SPDX-License-Identifier: LGPL-2.1-only
// Sets of 256 interrupt vectors as eight 32-bit words.

/** Sets or clears a bit. */
export function setBit(words: number[], bit: number, value: boolean): void {
  if (value) words[bit >> 5]! |= 1 << (bit & 31);
  else words[bit >> 5]! &= ~(1 << (bit & 31));
}

/** Whether a bit is set. */
export function testBit(words: readonly number[], bit: number): boolean {
  return (words[bit >> 5]! & (1 << (bit & 31))) !== 0;
}

/** The highest vector in a 256-bit set, −1 if it is empty. */
export function highestVector(words: readonly number[]): number {
  for (let i = 7; i >= 0; i--) if (words[i] !== 0) return i * 32 + 31 - Math.clz32(words[i]!);
  return -1;
}
