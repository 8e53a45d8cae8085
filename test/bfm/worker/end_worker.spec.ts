// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { endWorker } from '../../../src/bfm/worker/end_worker.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { Fifo } from '../fifo.js';

const folder = temporaryFolder();

/** A worker that says `begins`, then runs the code. */
async function workerIn(code: string): Promise<Worker> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads'); parentPort.postMessage('begins'); ${code}`,
    { eval: true },
  );
  await new Promise((resolve) => worker.once('message', resolve));
  return worker;
}

describe('endWorker', () => {
  for (const [what, code] of [
    ['idle', 'setInterval(() => {}, 1000);'],
    ['in an endless loop', 'for (;;);'],
  ] as const)
    it(`ends a worker that is ${what}`, async () => expect(await endWorker(await workerIn(code))).to.equal(true));

  it('ends a worker that waits for a child process, and the child', async function () {
    if (process.platform !== 'linux') this.skip();
    const worker = await workerIn(`require('node:child_process').execSync('sleep 600 & wait');`);
    expect(await endWorker(worker, 1000)).to.equal(true);
  });

  it('says so if a call of the system blocks the worker', async function () {
    if (process.platform === 'win32') this.skip();
    const fifo = new Fifo(join(folder.path, 'fifo'));
    const worker = await workerIn(`require('node:fs').readFileSync(${JSON.stringify(fifo.path)}, 'utf8');`);
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    await fifo.hasReader();
    expect(await endWorker(worker, 100)).to.equal(false);
    fifo.release();
    await ended;
  });
});
