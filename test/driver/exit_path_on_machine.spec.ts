// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildFolder } from '../../src/driver/node/package_paths.js';
import type { Allocation } from './exit_allocation.js';
import { exitLoops } from './exit_loops.js';

const program = join(buildFolder, 'test', 'driver', 'exit_allocation.js');
/** At most: a loop ends as soon as V8 has compiled its path. */
const turns = 1_000_000;
/** The smallest bigint, and less than any object or closure. A number above 2^31 takes 16 where V8 has not inlined the call that returns it, which differs from process to process. */
const bytesOfBigint = 24;
const asserted = exitLoops.filter(({ isWithDevice = false }) => !isWithDevice).map(({ name }) => name);

describe('The exit path on the simulated PC', () => {
  let measured: readonly Allocation[];

  before('measures in a process of its own', async function () {
    this.timeout(240_000);
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      program,
      String(turns),
      ...asserted,
    ]);
    measured = JSON.parse(stdout) as Allocation[];
  });

  for (const name of asserted)
    it(`allocates nothing at an exit with the default handlers: ${name}`, () => {
      const { exits, bytesAnExit } = measured.find((each) => each.name === name)!;
      expect(exits, 'exits').to.be.at.least(10_000);
      expect(bytesAnExit).to.be.below(bytesOfBigint);
    });
});
