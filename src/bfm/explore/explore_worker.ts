// SPDX-License-Identifier: LGPL-2.1-only
// The worker's side of an exploration: machine, VMM, extensions and predicate live here.
import { parentPort, workerData } from 'node:worker_threads';
import { failureOf, runTask, shortestSchedule } from '../../session/explore/explore.js';
import { ScheduledRun, type RunObserver } from '../../session/explore/scheduled_run.js';
import type { Pc } from '../../machine/pc.js';
import { PromiseWatch } from '../../driver/node/promise_watch.js';
import { useSourceMaps } from '../../driver/node/source_maps.js';
import { problemOf } from '../failures/problem.js';
import { RunRecording } from '../recording/run_recording.js';
import { RunControl } from '../worker/run_control.js';
import type { RunWorkerData } from '../worker/run_request.js';
import { sealing } from '../worker/worker_messages.js';
import { exploredMachine } from './explored_machine.js';
import type { ExploreMessage, ExploreOrder, ExploreRequest } from './explore_request.js';
import { loadPredicate } from './predicate_file.js';

const { request, control: memory, seal } = workerData as RunWorkerData<ExploreRequest>;
const control = new RunControl(memory);
const post = sealing<ExploreMessage>(seal, (message) => parentPort!.postMessage(message));

/** Writes the choices of a run and its end. */
function recorderOf({ recorder }: RunRecording, pc: Pc): RunObserver {
  return {
    deviated: ({ at, processor }) => recorder.event({ at, event: { kind: 'turn', processor } }),
    ended: (outcome, isByHost) => recorder.ended(pc, outcome, isByHost),
  };
}

async function finish(run: ScheduledRun, pc: Pc, order: Extract<ExploreOrder, { kind: 'finish' }>): Promise<void> {
  const { record } = order;
  const schedule = shortestSchedule(run, order.schedule);
  const recording = record && (await RunRecording.begin(record, request.run));
  try {
    post({ kind: 'finished', failure: failureOf(run, schedule, recording && recorderOf(recording, pc)) });
  } finally {
    recording?.close();
  }
}

async function obey(run: ScheduledRun, pc: Pc, order: ExploreOrder): Promise<void> {
  if (order.kind === 'finish') return finish(run, pc, order);
  const results = order.tasks.map((task) => {
    control.beat();
    return runTask(run, task);
  });
  post({ kind: 'results', results });
}

const failed = (error: unknown): void => post({ kind: 'failed', problem: problemOf(error) });

try {
  post({ kind: 'calling', what: 'the loading of the predicate' });
  // Errors of the predicate name its own file and line.
  useSourceMaps();
  const predicate = await loadPredicate(request.predicate);
  const target = await exploredMachine(request.run, control, post, new PromiseWatch());
  const run = new ScheduledRun(target, predicate, request.instructions, request.watched);
  parentPort!.on('message', (order: ExploreOrder) => void obey(run, target.pc, order).catch(failed));
  post({ kind: 'ready' });
} catch (error) {
  failed(error);
}
