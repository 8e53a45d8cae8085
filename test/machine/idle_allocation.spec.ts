// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildFolder } from '../../src/driver/node/package_paths.js';

const program = join(buildFolder, 'test', 'machine', 'idle_allocation.js');

/** V8 makes an object of a number above 2^31 where it has not inlined the call that takes or returns it, and of the local APIC's message. It varies. */
const bytesOfNumbers = 340;

describe('A wait in HLT for a timer', () => {
  it('allocates nothing in scheduler and event queue', async function () {
    this.timeout(60_000);
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program]);
    expect(Number(stdout)).to.be.within(0, bytesOfNumbers);
  });
});
