// SPDX-License-Identifier: LGPL-2.1-only
import { parentPort, workerData } from 'node:worker_threads';
import { problemOf } from '../problem.js';
import { RunControl } from '../run_control.js';
import type { RunRequest } from '../run_request.js';
import type { HostedMessage, WorkerRequest } from './host_protocol.js';
import { HostedMachine } from './hosted_machine.js';

/** The worker's side of a host: machine, VMM and extensions live here, and nothing else does. */
const { request, control } = workerData as { request: RunRequest; control: SharedArrayBuffer };
const post = (message: HostedMessage): void => parentPort!.postMessage(message);
const machine = new HostedMachine(request, new RunControl(control), post);
parentPort!.on('message', (message: WorkerRequest) => machine.receive(message));

try {
  await machine.run();
} catch (error) {
  post({ kind: 'failed', message: problemOf(error).what });
}
parentPort!.close();
