// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { exploredMachine } from '../../../src/bfm/explore/explored_machine.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { ExploredTarget } from '../../../src/session/explore/observed_run.js';
import type { RunOptions } from '../../../src/bfm/run/run_options.js';
import { join } from 'node:path';
import { loadPredicate } from '../../../src/bfm/explore/predicate_file.js';
import { checkRunOptions } from '../../../src/bfm/run/run_options.js';
import { explore } from '../../../src/session/explore/explore.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm } from '../bfm_process.js';
import { defaultOptions } from '../run/default_options.js';
import { hookMissed, raceHook } from './race_hook_run.js';

const folder = temporaryFolder();

describe('exploredMachine', () => {
  let target: ExploredTarget | undefined;
  afterEach(() => {
    target?.pc.switchOff();
    target?.driver.close();
    target = undefined;
  });

  const made = (options: Partial<RunOptions>) => exploredMachine(raceHook(options).run, new RunControl(), () => {});

  it('goes back to power-on, with what was printed and what extensions count', async () => {
    target = await made({ guest: 'cpuid', append: '3', module: ['cpuidcount'] });
    const { pc, driver } = target;
    const hash = pc.stateHash();
    for (let time = 0; time < 2; time++) {
      while (pc.runQuantum(() => true) === undefined);
      expect(target.output).to.match(/^hello from a guest that executes 3 cpuids/);
      expect(driver.reports()).to.deep.equal({ cpuidcount: { count: 3 } });
      target.reset();
      expect([pc.stateHash(), target.output, driver.reports()]).to.deep.equal([hash, '', { cpuidcount: { count: 0 } }]);
    }
  });

  it('goes back to the moment of a snapshot, with its VMM, and finds what may happen from there on', async () => {
    const restore = join(folder.path, 'race_hook.snapshot');
    const guest = ['--guest', 'race_hook', '--cpus', '2', '-m', 'racing_hook'];
    const saved = await bfm('run', ...guest, '--save', restore, '--save-at', '10', '--json');
    expect(saved.status, saved.stderr).to.equal(0);
    const { machine } = JSON.parse(saved.stdout) as { machine: { instructions: number; stateHash: string } };
    const run = checkRunOptions({ ...defaultOptions, restore, module: ['racing_hook'] }, false);
    target = await exploredMachine(run, new RunControl(), () => {});
    const { pc } = target;
    expect([pc.instructions, pc.stateHash()]).to.deep.equal([machine.instructions, machine.stateHash]);
    const predicate = await loadPredicate(hookMissed);
    const { failure, state } = explore(target, { predicate, preemptions: 2, instructions: 100_000 });
    expect(failure).to.include({ end: 'found', detail: 'the function ran without its hook' });
    expect(state.runs[0]).to.equal(1);
    target.reset();
    expect(pc.stateHash()).to.equal(machine.stateHash);
  });

  it('begins behind the late start of the VMM', async () => {
    target = await made({ guest: 'echo', module: ['cpuidcount'], start: 'late' });
    expect(target.pc.instructions).to.be.greaterThan(0);
    expect(target.driver.hasVmm).to.equal(true);
  });

  it('says why there is nothing to explore if that never comes', async () => {
    const failure = await made({ guest: 'cpuid', module: ['cpuidcount'], startAt: 'no such text' }).catch(
      (error: unknown) => error,
    );
    expect(String(failure)).to.include('the VMM never started, so there is nothing to explore');
  });
});
