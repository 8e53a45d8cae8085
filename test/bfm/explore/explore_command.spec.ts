// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exploreCommand } from '../../../src/bfm/explore/explore_command.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm } from '../bfm_process.js';
import { hookMissed } from './race_hook_run.js';

const folder = temporaryFolder();
const explore = (...args: string[]) => bfm('explore', '--guest', 'race_hook', '--cpus', '2', ...args);

describe('bfm explore', () => {
  it('shows the shortest failing schedule and records its run, which bfm replay repeats to the same state', async () => {
    const file = join(folder.path, 'missed.bfr');
    const { status, stdout, stderr } = await explore(
      '-m',
      'racing_hook',
      '--until',
      hookMissed,
      '--record',
      file,
      '--json',
    );
    expect(status, stderr).to.equal(6);
    expect(stderr).to.match(
      /found: the function ran without its hook, with 2 preemptions\n {2}decision {2}passed over +after +executes next\n {2}\d+ +processor 1 at 0xfff0 +end of a turn +processor 0\n {2}\d+ +processor 0 at 0x[0-9a-f]+ +ept_violation +processor 1\n/,
    );
    const { outcome, exitStatus, schedule, recording } = JSON.parse(stdout) as Record<string, unknown>;
    expect([outcome, exitStatus, recording]).to.deep.equal(['found', 6, file]);
    expect(schedule).to.have.length(2);
    const replayed = await bfm('replay', file);
    expect([replayed.status, replayed.stderr.includes('bfm explore found what it looked for')]).to.deep.equal([
      0,
      true,
    ]);
  });

  it('says that no schedule fails, with status 0, and keeps what was explored', async () => {
    const args = [
      '-m',
      'ept_hook',
      '--set',
      'ept_hook.address=0x9000',
      'ept_hook.target=0xa000',
      '--until',
      hookMissed,
    ];
    const file = join(folder.path, 'explored.json');
    args.push('--preemptions', '0', '--resume', file);
    const first = await explore(...args);
    expect([first.status, first.stderr.split('\n')[1]]).to.deep.equal([
      0,
      'bfm: explored: the predicate holds under no schedule with up to 0 preemptions',
    ]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).to.nested.include({ kind: 'exploration', 'state.round': 1 });
  });

  it('refuses what cannot be explored', async () => {
    const refusal = async (...args: string[]): Promise<unknown> => {
      const all = ['--guest', 'race_hook', '--until', hookMissed, ...args];
      return exploreCommand(() => {})
        .parseAsync(all, { from: 'user' })
        .then(
          () => 'none',
          (error: unknown) => error,
        );
    };
    const refusedBare = async (message: string, ...args: string[]): Promise<void> =>
      void expect(await refusal(...args))
        .to.be.instanceOf(UsageError)
        .with.property('message')
        .that.includes(message);
    const refused = async (message: string, ...args: string[]): Promise<void> =>
      refusedBare(message, '-m', 'racing_hook', ...args);
    await refusedBare('without -m no VMM runs', '--cpus', '2');
    await refused('--cpus 1: it must be a number of processors from 2 to 8: one has nothing to take turns with');
    await refused('--preemptions many: it must be a whole number', '--cpus', '2', '--preemptions', 'many');
    await refused('--workers 0: it must be a whole number from 1', '--cpus', '2', '--workers', '0');
    await refused('--start off: no VMM runs', '--cpus', '2', '--start', 'off');
    await refused('--record /nowhere/x: there is no folder', '--cpus', '2', '--record', '/nowhere/x');
    await refused('--resume /nowhere/x: there is no folder', '--cpus', '2', '--resume', '/nowhere/x');
    await refused('--real-clock makes runs that nobody can repeat', '--cpus', '2', '--real-clock');
  });
});
