// SPDX-License-Identifier: LGPL-2.1-only
import type { ExplorationState, FoundFailure } from './exploration_state.js';
import type { Schedule } from './schedule.js';
import type { RunEnd, ScheduledResult, ScheduledTry } from './scheduled_run.js';
import { seededOrder } from './seeded_order.js';

/** A run that somebody has to make. */
export interface ExplorationTask extends ScheduledTry {
  /** In the order of its round. */
  readonly place: number;
}

/** What an exploration needs to know of a run. */
export type TaskResult = Pick<ScheduledResult, 'end' | 'detail' | 'decisions' | 'alternatives'> & {
  /** The schedule with the further deviation. */
  readonly schedule: Schedule;
};

const scheduleOf = ([, ...numbers]: readonly number[]): Schedule =>
  Array.from({ length: numbers.length / 2 }, (_, i) => ({ decision: numbers[2 * i]!, processor: numbers[2 * i + 1]! }));

function byNumbers(one: readonly number[], other: readonly number[]): number {
  for (let i = 1; i < one.length; i++) if (one[i] !== other[i]) return one[i]! - other[i]!;
  return 0;
}

/**
 * The search through the schedules of a run: first the scheduler's own, then all with one deviation, then all with two, and so on, in a random order inside each
 * round. So the first failure has the fewest deviations. The one who makes the runs takes tasks and gives results back, in any order; the failure that is found
 * does not depend on that order.
 */
export class Exploration {
  private round: number;
  private parents: readonly (readonly number[])[];
  private tried: (readonly number[])[];
  /** Places that were never tried, or whose results are not there yet. */
  private readonly open: Set<number>;
  /** Those of them that nobody works at. */
  private waiting: number[];
  private nextPlace: number;
  private readonly counts: Record<RunEnd, number>;
  private readonly runs: number[];
  private decisions: number;
  private found: FoundFailure | null;
  /** How many schedules of this round come before the children of each parent. */
  private starts: number[] = [];
  private size = 0;
  private order: (place: number) => number = (place) => place;

  constructor(private readonly initial: ExplorationState) {
    this.round = initial.round;
    this.parents = initial.parents;
    this.tried = [...initial.tried];
    this.open = new Set(initial.open);
    this.waiting = [...initial.open];
    this.nextPlace = initial.next;
    this.counts = { ...initial.counts };
    this.runs = [...initial.runs];
    this.decisions = initial.decisions;
    this.found = initial.failure;
    this.beginRound();
  }

  /** The failure; there may be one with a lower place while runs are under way. */
  get failure(): FoundFailure | null {
    return this.found;
  }

  /** Whether nothing is left to be tried: a failure was found, or all schedules were tried. Results may still be under way. */
  get isOver(): boolean {
    const { found, open } = this;
    if (found !== null) return ![...open].some((place) => place < found.place);
    return this.round > this.initial.preemptions || this.size === 0;
  }

  /** How many runs were made, by the number of their deviations. */
  get runsByRound(): readonly number[] {
    return this.runs;
  }

  /** Runs to be made, at most so many; none: all that is left is under way, or the exploration is over. */
  take(most: number): ExplorationTask[] {
    const tasks: ExplorationTask[] = [];
    if (this.isOver) return tasks;
    while (tasks.length < most) {
      const place = this.waiting.shift() ?? (this.found === null ? this.newPlace() : undefined);
      if (place === undefined) break;
      if (this.found === null || place < this.found.place) tasks.push(this.taskAt(place));
    }
    return tasks;
  }

  /** A run that was taken has been made. */
  done({ place }: ExplorationTask, result: TaskResult): void {
    if (!this.open.delete(place)) return;
    this.counts[result.end]++;
    this.runs[this.round] = (this.runs[this.round] ?? 0) + 1;
    this.decisions = Math.max(this.decisions, result.decisions);
    if (result.end === 'found') this.foundAt(place, result);
    // A schedule of the last round has no children.
    else if (this.round < this.initial.preemptions)
      this.tried.push([
        result.alternatives,
        ...result.schedule.flatMap(({ decision, processor }) => [decision, processor]),
      ]);
    if (this.found === null && this.open.size === 0 && this.nextPlace === this.size) this.endRound();
  }

  save(): ExplorationState {
    const { initial, round, parents, nextPlace: next, counts, decisions, found: failure } = this;
    const { seed, preemptions } = initial;
    const [tried, open, runs] = [[...this.tried], [...this.open], [...this.runs]];
    return { seed, preemptions, round, parents, tried, open, next, counts: { ...counts }, runs, decisions, failure };
  }

  private foundAt(place: number, { schedule, detail }: TaskResult): void {
    if (this.found === null || place < this.found.place) this.found = { schedule, detail, place };
  }

  private newPlace(): number | undefined {
    if (this.nextPlace >= this.size) return undefined;
    this.open.add(this.nextPlace);
    return this.nextPlace++;
  }

  private taskAt(place: number): ExplorationTask {
    if (this.round === 0) return { place, schedule: [] };
    const number = this.order(place);
    const parent = this.parentOf(number);
    return { place, schedule: scheduleOf(this.parents[parent]!), further: number - this.starts[parent]! };
  }

  /** The last parent whose children begin at a number or before it. */
  private parentOf(number: number): number {
    let [low, high] = [0, this.starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private beginRound(): void {
    const { round, initial } = this;
    // Without children, a parent would share its start with the next one.
    this.parents = this.parents.filter(([children]) => children! > 0);
    this.starts = [];
    this.size = round === 0 ? 1 : 0;
    for (const [children] of this.parents) {
      this.starts.push(this.size);
      this.size += children!;
    }
    this.order = seededOrder(this.size, initial.seed + round);
  }

  /** Results came in any order, and the next round must not depend on it. */
  private endRound(): void {
    this.parents = this.tried.sort(byNumbers);
    this.tried = [];
    this.round++;
    this.nextPlace = 0;
    this.beginRound();
  }
}
