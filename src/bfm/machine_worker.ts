// SPDX-License-Identifier: LGPL-2.1-only
import { parentPort, workerData } from 'node:worker_threads';
import { BareflankError } from '../intrinsics/errors.js';
import { MachineRun } from './machine_run.js';
import { RunControl } from './run_control.js';
import type { RunRequest, WorkerMessage } from './run_request.js';

/** The worker's side of a run: machine, VMM and extensions live here, and nothing else does. */
const { request, control } = workerData as { request: RunRequest; control: SharedArrayBuffer };
const post = (message: WorkerMessage): void => parentPort!.postMessage(message);

try {
  post({ kind: 'ended', report: await new MachineRun(request, new RunControl(control), post).run() });
} catch (error) {
  // An error of ours says all there is to say; any other one is a fault of the program, whose name helps to find it.
  const message = error instanceof BareflankError ? error.message : `internal error: ${String(error)}`;
  const trace = process.env.BFM_TRACE !== undefined && error instanceof Error ? `\n${error.stack}` : '';
  post({ kind: 'failed', message: message + trace, usage: false });
}
