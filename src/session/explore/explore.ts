// SPDX-License-Identifier: LGPL-2.1-only
import { Exploration, type ExplorationTask, type TaskResult } from './exploration.js';
import { nothingExplored, type ExplorationState } from './exploration_state.js';
import type { ExploredTarget } from './observed_run.js';
import type { Predicate } from './predicate.js';
import type { Schedule } from './schedule.js';
import { ScheduledRun, type RunObserver, type ScheduledResult, type WatchedBytes } from './scheduled_run.js';
import { shortenedSchedule } from './shortened_schedule.js';

/** What an exploration looks for, and how far it goes. */
export interface ExploreOptions {
  readonly predicate: Predicate;
  /** The most deviations of a schedule. */
  readonly preemptions: number;
  /** The most instructions of a run, of all processors together. */
  readonly instructions: number;
  /** Physical memory, behind writes to which another processor may execute next; none by default. */
  readonly watched?: readonly WatchedBytes[];
  /** Of the order inside a round; 0 by default. */
  readonly seed?: number;
}

/** What an exploration has shown. */
export interface Explored {
  readonly state: ExplorationState;
  /** The run of the shortest failing schedule. */
  readonly failure: ScheduledResult | undefined;
}

/** Makes a run of an exploration. */
export function runTask(run: ScheduledRun, task: ExplorationTask): TaskResult {
  const { taken, ...result } = run.run(task);
  return { ...result, schedule: taken.map(({ decision, processor }) => ({ decision, processor })) };
}

/** Leaves out of a failing schedule what is not needed, and runs the machine under the rest. @param observer of that last run */
export function shortestFailure(run: ScheduledRun, failing: Schedule, observer?: RunObserver): ScheduledResult {
  const schedule = shortenedSchedule(failing, (shorter) => run.run({ schedule: shorter }).end === 'found');
  return run.run({ schedule }, observer);
}

/** Explores in this thread, from the moment of the target on. Afterwards the machine is where its last run ended. */
export function explore(target: ExploredTarget, options: ExploreOptions): Explored {
  const { predicate, preemptions, instructions, watched = [], seed = 0 } = options;
  const run = new ScheduledRun(target, predicate, instructions, watched);
  try {
    const exploration = new Exploration(nothingExplored(seed, preemptions));
    for (let [task] = exploration.take(1); task !== undefined; [task] = exploration.take(1))
      exploration.done(task, runTask(run, task));
    const { failure } = exploration;
    return {
      state: exploration.save(),
      failure: failure === null ? undefined : shortestFailure(run, failure.schedule),
    };
  } finally {
    run[Symbol.dispose]();
  }
}
