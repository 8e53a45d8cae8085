// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildFolder } from '../../../src/driver/node/package_paths.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();
const program = join(buildFolder, 'test', 'bfm', 'worker', 'ended_worker.js');

/** What `endWorker` says of a worker that says `begins`, then runs the code. */
async function isEnded(code: string, patience: number, ...fifo: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, String(patience), code, ...fifo]);
  return JSON.parse(stdout);
}

describe('endWorker', () => {
  for (const [what, code] of [
    ['idle', 'setInterval(() => {}, 1000);'],
    ['in an endless loop', 'for (;;);'],
  ] as const)
    it(`ends a worker that is ${what}`, async () => expect(await isEnded(code, 2000)).to.equal(true));

  it('ends a worker that waits for a child process, and the child', async function () {
    if (process.platform !== 'linux') this.skip();
    const code = `require('node:child_process').execSync('sleep 600 & wait');`;
    expect(await isEnded(code, 1000)).to.equal(true);
  });

  it('says so if a call of the system blocks the worker', async function () {
    if (process.platform === 'win32') this.skip();
    const fifo = join(folder.path, 'fifo');
    const code = `require('node:fs').readFileSync(${JSON.stringify(fifo)}, 'utf8');`;
    expect(await isEnded(code, 100, fifo)).to.equal(false);
  });
});
