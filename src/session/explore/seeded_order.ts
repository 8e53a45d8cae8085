// SPDX-License-Identifier: LGPL-2.1-only

const ROUNDS = 4;

/** Mixes a half with a key: the finalizer of MurmurHash3. */
function mixed(half: number, key: number): number {
  let word = (half ^ key) | 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

/**
 * The numbers from 0 up to, not including, `count` in a random order, without a list of them: a Feistel network over the next power of 4, walked until it gives a
 * number below `count`.
 *
 * @param count up to 2^52. @returns the number at a place of the order; it is another one for each place
 */
export function seededOrder(count: number, seed: number): (place: number) => number {
  let bits = 1;
  while (4 ** bits < count) bits++;
  const half = 2 ** bits;
  const keys = Array.from({ length: ROUNDS }, (_, round) => mixed(seed, Math.imul(round + 1, 0x9e3779b9)));
  const permuted = (number: number): number => {
    let [left, right] = [Math.floor(number / half), number % half];
    for (const key of keys) [left, right] = [right, ((left ^ mixed(right, key)) >>> 0) % half];
    return left * half + right;
  };
  return (place) => {
    let number = permuted(place);
    while (number >= count) number = permuted(number);
    return number;
  };
}
