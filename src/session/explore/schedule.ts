// SPDX-License-Identifier: LGPL-2.1-only

/**
 * At a decision, another processor executes next than the scheduler would take. The decisions of a run are numbered from 0: they are the moments, after VM exits
 * and at the ends of turns, at which more than one processor can execute.
 */
export interface Deviation {
  readonly decision: number;
  readonly processor: number;
}

/** Who executes when: the deviations, in the order of their decisions. All other decisions are the scheduler's. */
export type Schedule = readonly Deviation[];
