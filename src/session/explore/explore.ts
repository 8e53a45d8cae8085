// SPDX-License-Identifier: LGPL-2.1-only
import { Exploration, type ExplorationTask, type TaskResult } from './exploration.js';
import { nothingExplored, type ExplorationState } from './exploration_state.js';
import type { ExploredTarget } from './observed_run.js';
import type { Predicate } from './predicate.js';
import { PredicateError } from './predicate_error.js';
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

/** Leaves out of a failing schedule what is not needed. @throws PredicateError if it does not fail again */
export function shortestSchedule(run: ScheduledRun, failing: Schedule): Schedule {
  const fails = (schedule: Schedule): boolean => run.run({ schedule }).end === 'found';
  if (!fails(failing)) throw doesNotRepeat();
  return shortenedSchedule(failing, fails);
}

/** Runs the machine under a failing schedule. @throws PredicateError if it does not fail this time */
export function failureOf(run: ScheduledRun, schedule: Schedule, observer?: RunObserver): ScheduledResult {
  const result = run.run({ schedule }, observer);
  if (result.end !== 'found') throw doesNotRepeat();
  return result;
}

const doesNotRepeat = (): PredicateError =>
  new PredicateError(
    'the failure that was found does not show again under its own schedule: the predicate or an extension depends on something besides the run, such as a variable of its module, or what was explored was saved by somebody else',
    { details: { expected: 'a predicate that depends on nothing but the run' } },
  );

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
      failure: failure === null ? undefined : failureOf(run, shortestSchedule(run, failure.schedule)),
    };
  } finally {
    run[Symbol.dispose]();
  }
}
