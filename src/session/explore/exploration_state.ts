// SPDX-License-Identifier: LGPL-2.1-only
import type { Schedule } from './schedule.js';
import type { RunEnd } from './scheduled_run.js';

/** A failure that was found. */
export interface FoundFailure {
  readonly schedule: Schedule;
  readonly detail: string;
  /** The place of its run in the order of its round. */
  readonly place: number;
}

/** How many runs ended in which way. */
export type RunCounts = Readonly<Record<RunEnd, number>>;

/** What was explored, as plain data. Another process can go on from it. */
export interface ExplorationState {
  readonly seed: number;
  /** The most deviations of a schedule. */
  readonly preemptions: number;
  /** Deviations of the schedules that are tried now. */
  readonly round: number;
  /** The schedules with one deviation less, each as how many ways there are to deviate further, then decision and processor of each deviation. */
  readonly parents: readonly (readonly number[])[];
  /** The same of those schedules of this round that were tried. */
  readonly tried: readonly (readonly number[])[];
  /** Places of this round's order that were never tried: these, and all from `next` on. */
  readonly open: readonly number[];
  readonly next: number;
  readonly counts: RunCounts;
  /** Runs by the number of their deviations. */
  readonly runs: readonly number[];
  /** The most decisions of a run. */
  readonly decisions: number;
  readonly failure: FoundFailure | null;
}

/** Nothing has been explored yet. */
export const nothingExplored = (seed: number, preemptions: number): ExplorationState => ({
  seed,
  preemptions,
  round: 0,
  parents: [],
  tried: [],
  open: [],
  next: 0,
  counts: { found: 0, dead: 0, ended: 0, bound: 0 },
  runs: [],
  decisions: 0,
  failure: null,
});
