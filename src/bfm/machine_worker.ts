// SPDX-License-Identifier: LGPL-2.1-only
import { parentPort, workerData } from 'node:worker_threads';
import { fullTrace } from '../driver/node/user_frames.js';
import { BootError } from '../machine/boot/boot_error.js';
import { MachineRun } from './machine_run.js';
import { problemOf } from './problem.js';
import { RunControl } from './run_control.js';
import type { RunRequest, WorkerMessage } from './run_request.js';

/** The worker's side of a run: machine, VMM and extensions live here, and nothing else does. */
const { request, control } = workerData as { request: RunRequest; control: SharedArrayBuffer };
const post = (message: WorkerMessage): void => parentPort!.postMessage(message);

try {
  post({ kind: 'ended', report: await new MachineRun(request, new RunControl(control), post).run() });
} catch (error) {
  if (process.env.BFM_TRACE !== undefined) process.stderr.write(`${fullTrace(error)}\n`);
  const problem = problemOf(error);
  // A loader knows the image, but not where it came from.
  post({ kind: 'failed', problem: error instanceof BootError ? { ...problem, where: request.kernel } : problem });
}
