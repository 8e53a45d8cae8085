// SPDX-License-Identifier: LGPL-2.1-only

/** How many basic exit reasons are counted apart. */
export const exitReasons = 128;

/** Where a processor counts, if another thread shall see it at any moment: arrays over shared memory. */
export interface ProcessorCounters {
  /** VM exits by basic reason: `exitReasons` words. */
  readonly exits: Uint32Array;
  /** Instructions retired up to the last VM exit: low and high half. */
  readonly instructions: Uint32Array;
}
