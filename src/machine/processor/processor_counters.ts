// SPDX-License-Identifier: LGPL-2.1-only

/** How many basic exit reasons have their own count. */
export const exitReasons = 128;

/** A processor's counters in shared memory, which another thread can read at any time. */
export interface ProcessorCounters {
  /** VM exits by basic reason: `exitReasons` words. */
  readonly exits: Uint32Array;
  /** Instructions retired up to the last VM exit: low and high half. */
  readonly instructions: Uint32Array;
}
