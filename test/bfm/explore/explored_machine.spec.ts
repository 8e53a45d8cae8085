// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { exploredMachine } from '../../../src/bfm/explore/explored_machine.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { ExploredTarget } from '../../../src/session/explore/observed_run.js';
import type { RunOptions } from '../../../src/bfm/run/run_options.js';
import { raceHook } from './race_hook_run.js';

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
