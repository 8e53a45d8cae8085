// SPDX-License-Identifier: LGPL-2.1-only
const NANOSECONDS = 1e9;

/** How many whole ticks of a clock of `hz` have passed at `now` nanoseconds. Exact: a product never exceeds 2^53. */
export function ticksAt(now: number, hz: number): number {
  const seconds = Math.floor(now / NANOSECONDS);
  return seconds * hz + Math.floor(((now - seconds * NANOSECONDS) * hz) / NANOSECONDS);
}

/** The first nanosecond at which `ticks` ticks of a clock of `hz` have passed: the inverse of `ticksAt`. */
export function timeOfTick(ticks: number, hz: number): number {
  const seconds = Math.floor(ticks / hz);
  return seconds * NANOSECONDS + Math.ceil(((ticks - seconds * hz) * NANOSECONDS) / hz);
}
