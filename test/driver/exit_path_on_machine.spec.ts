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
/** Less than any object: the smallest has 12. */
const bytesOfNothing = 1;
const asserted = exitLoops.filter(({ isWithDevice = false }) => !isWithDevice).map(({ name }) => name);

/** Measures in a process of its own, under options of V8. */
async function measured(options: readonly string[]): Promise<readonly Allocation[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [...options, program, String(turns), ...asserted]);
  return JSON.parse(stdout) as Allocation[];
}

function allocatesNothing(options: readonly string[]): void {
  let results: readonly Allocation[];

  before('measures', async function () {
    this.timeout(240_000);
    results = await measured(options);
  });

  for (const name of asserted)
    it(`allocates nothing at an exit with the default handlers: ${name}`, () => {
      const { exits, bytesAnExit } = results.find((each) => each.name === name)!;
      expect(exits, 'exits').to.be.at.least(10_000);
      expect(bytesAnExit).to.be.below(bytesOfNothing);
    });
}

describe('The exit path on the simulated PC', () => {
  // What V8 inlines differs from process to process. A number above 2^31 that crosses a call is allocated where the call is not inlined.
  describe('where V8 inlines no call', () => allocatesNothing(['--no-turbo-inlining']));

  if (process.env['BAREFLANK_FULL'] === '1') describe('as programs run', () => allocatesNothing([]));
});
