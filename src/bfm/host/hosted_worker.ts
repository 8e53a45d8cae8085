// SPDX-License-Identifier: LGPL-2.1-only
import { parentPort, workerData } from 'node:worker_threads';
import type { GdbEvent } from '../gdb/gdb_inbox.js';
import { problemOf } from '../failures/problem.js';
import { RunControl } from '../worker/run_control.js';
import type { RunWorkerData } from '../worker/run_request.js';
import { StrayErrors } from '../failures/stray_errors.js';
import { sealing } from '../worker/worker_messages.js';
import type { HostedMessage, WorkerRequest } from './host_protocol.js';
import { HostedMachine } from './hosted_machine.js';

/** The worker's side of a host: machine, VMM and extensions live here, and nothing else. */
const { request, control, seal } = workerData as RunWorkerData;
const post = sealing<HostedMessage>(seal, (message) => parentPort!.postMessage(message));
const fail = (error: unknown): void => post({ kind: 'failed', message: problemOf(error, null).what });
new StrayErrors(fail);
const machine = new HostedMachine(request, new RunControl(control), post);
parentPort!.on('message', (message: WorkerRequest | GdbEvent) =>
  'kind' in message ? machine.receiveGdb(message) : machine.receive(message),
);

try {
  await machine.run();
} catch (error) {
  fail(error);
}
parentPort!.close();
