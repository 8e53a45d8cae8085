// SPDX-License-Identifier: LGPL-2.1-only

/** Whole numbers from 0 up to, not including, a limit. The same seed gives the same numbers: a failure comes back in each run. */
export function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    // The linear congruential generator of "Numerical Recipes".
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
