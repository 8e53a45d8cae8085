// SPDX-License-Identifier: LGPL-2.1-only
// node ended_worker.js PATIENCE CODE [FIFO]: whether `endWorker` ends a worker that runs the code, as JSON. A process of its own: endWorker may
// end all child processes, those of other specs too. With FIFO, the worker has blocked in a read of it first.
import { Worker } from 'node:worker_threads';
import { endWorker } from '../../../src/bfm/worker/end_worker.js';
import { Fifo } from '../fifo.js';

const [patience, code, path] = process.argv.slice(2);
const fifo = path === undefined ? undefined : new Fifo(path);
const worker = new Worker(
  `const { parentPort } = require('node:worker_threads'); parentPort.postMessage('begins'); ${code}`,
  { eval: true },
);
await new Promise((resolve) => worker.once('message', resolve));
const ended = new Promise((resolve) => worker.once('exit', resolve));
await fifo?.hasReader();
process.stdout.write(JSON.stringify(await endWorker(worker, Number(patience))));
fifo?.release();
await ended;
