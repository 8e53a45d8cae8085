// SPDX-License-Identifier: LGPL-2.1-only
import { Exploration } from '../../session/explore/exploration.js';
import type { ExplorationState } from '../../session/explore/exploration_state.js';
import type { ScheduledResult } from '../../session/explore/scheduled_run.js';
import type { RecordRequest } from '../worker/run_request.js';
import type { ExploreRequest } from './explore_request.js';
import { ExploringWorker } from './exploring_worker.js';

/** Runs that a worker makes between two messages. */
const BATCH = 16;

/** What an exploration has come to. `stopped`: by its owner. */
export type ExploreResult =
  { readonly end: 'found'; readonly failure: ScheduledResult } | { readonly end: 'explored' | 'stopped' };

/** An exploration by several workers, each with a machine of its own. */
export class ExploreRun {
  private readonly exploration: Exploration;
  private readonly workers: readonly ExploringWorker[];
  private hasStopped = false;
  /** Workers that wait for results of others. */
  private waiting: (() => void)[] = [];

  /** @param count of workers. @param state from which it goes on */
  constructor(request: ExploreRequest, count: number, state: ExplorationState) {
    this.exploration = new Exploration(state);
    this.workers = Array.from({ length: count }, () => new ExploringWorker(request));
  }

  /** What was explored up to now. */
  get state(): ExplorationState {
    return this.exploration.save();
  }

  /** How many runs were made, by the number of their deviations. */
  get runs(): readonly number[] {
    return this.exploration.runsByRound;
  }

  /** @param record writes down the run of the shortest failing schedule. @throws BareflankError */
  async run(record: RecordRequest | undefined): Promise<ExploreResult> {
    try {
      await Promise.all(this.workers.map((worker) => worker.ready()));
      await Promise.all(this.workers.map((worker) => this.employ(worker)));
      const { failure } = this.exploration;
      if (failure === null) return { end: 'explored' };
      return { end: 'found', failure: await this.workers[0]!.finish(failure.schedule, record) };
    } catch (error) {
      if (this.hasStopped) return { end: 'stopped' };
      throw error;
    } finally {
      await Promise.all(this.workers.map((worker) => worker.end()));
    }
  }

  /** Ends it at once. Runs that are under way are made again by the one who goes on. */
  stop(): void {
    this.hasStopped = true;
    for (const worker of this.workers) worker.fail(new Error('the exploration was stopped'));
    this.wake();
  }

  private async employ(worker: ExploringWorker): Promise<void> {
    const { exploration } = this;
    while (!exploration.isOver && !this.hasStopped) {
      const tasks = exploration.take(BATCH);
      // A round ends when all of its results are there.
      if (tasks.length === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
      else {
        const results = await worker.run(tasks);
        tasks.forEach((task, i) => exploration.done(task, results[i]!));
        this.wake();
      }
    }
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
