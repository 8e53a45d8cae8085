// SPDX-License-Identifier: LGPL-2.1-only
import { Worker } from 'node:worker_threads';
import type { ExplorationTask, TaskResult } from '../../session/explore/exploration.js';
import type { Schedule } from '../../session/explore/schedule.js';
import type { ScheduledResult } from '../../session/explore/scheduled_run.js';
import { BareflankError } from '../../intrinsics/errors.js';
import { problemOf } from '../failures/problem.js';
import { RunFailedError } from '../run/run_failed_error.js';
import { endWorker } from '../worker/end_worker.js';
import { endedFromInside } from '../worker/ended_worker.js';
import { RunControl } from '../worker/run_control.js';
import type { RecordRequest, RunWorkerData } from '../worker/run_request.js';
import { Watchdog } from '../worker/watchdog.js';
import { Seal } from '../worker/worker_messages.js';
import type { ExploreMessage, ExploreOrder, ExploreRequest } from './explore_request.js';

type Answer<K extends ExploreMessage['kind']> = Extract<ExploreMessage, { kind: K }>;

/** A worker of an exploration, seen from the main thread: one machine, which does one thing after the other. */
export class ExploringWorker {
  private readonly control = new RunControl();
  private readonly seal = new Seal<ExploreMessage>();
  private readonly worker: Worker;
  private handlers: readonly string[] = [];
  private watchdog: Watchdog | undefined;
  private awaited:
    { kind: ExploreMessage['kind']; resolve(message: ExploreMessage): void; reject(error: Error): void } | undefined;
  private failure: Error | undefined;

  constructor(request: ExploreRequest) {
    const workerData: RunWorkerData<ExploreRequest> = { request, control: this.control.memory, seal: this.seal.text };
    this.worker = new Worker(new URL('./explore_worker.js', import.meta.url), { workerData });
    this.worker.on('message', (received: unknown) => {
      const message = this.seal.open(received);
      if (message !== undefined) this.receive(message);
    });
    this.worker.on('error', (error: unknown) => this.fail(new RunFailedError(problemOf(error))));
    this.worker.on('exit', (code) =>
      this.fail(new RunFailedError(problemOf(endedFromInside(code, this.watchdog?.underWay)))),
    );
  }

  /** Waits until the machine is at its moment. @throws BareflankError */
  async ready(): Promise<void> {
    await this.answer('ready');
  }

  /** Makes runs. @throws BareflankError, also if a handler does not return */
  async run(tasks: readonly ExplorationTask[]): Promise<readonly TaskResult[]> {
    return (await this.order({ kind: 'tasks', tasks }, 'results')).results;
  }

  /** Runs under the shortest failing schedule, and records that run if wanted. @throws BareflankError */
  async finish(schedule: Schedule, record: RecordRequest | undefined): Promise<ScheduledResult> {
    return (await this.order({ kind: 'finish', schedule, record }, 'finished')).failure;
  }

  async end(): Promise<void> {
    this.failure ??= new BareflankError('the worker was ended');
    this.watchdog?.stop();
    await endWorker(this.worker);
  }

  private async order<K extends ExploreMessage['kind']>(order: ExploreOrder, kind: K): Promise<Answer<K>> {
    this.worker.postMessage(order);
    return this.answer(kind, true);
  }

  /** @param runs each quantum has to end meanwhile */
  private async answer<K extends ExploreMessage['kind']>(kind: K, runs = false): Promise<Answer<K>> {
    const watchdog = new Watchdog(this.control, {
      handlers: () => this.handlers,
      onHang: (what) => this.fail(new BareflankError(`a run does not come to its end: ${what}`)),
    });
    this.watchdog = watchdog;
    if (runs) watchdog.running();
    try {
      return await new Promise<Answer<K>>((resolve, reject) => {
        if (this.failure !== undefined) return reject(this.failure);
        this.awaited = { kind, resolve: (message) => resolve(message as Answer<K>), reject };
      });
    } finally {
      watchdog.stop();
    }
  }

  private receive(message: ExploreMessage): void {
    if (message.kind === 'calling') this.watchdog?.calling(message.what);
    else if (message.kind === 'handlers') this.handlers = message.names;
    else if (message.kind === 'failed') this.fail(new RunFailedError(message.problem));
    else if (message.kind === this.awaited?.kind) this.awaited.resolve(message);
  }

  /** What is awaited fails, now and later. The first error counts. */
  fail(error: Error): void {
    this.failure ??= error;
    this.awaited?.reject(this.failure);
  }
}
