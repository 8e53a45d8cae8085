// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import hookMissed from '../../../extensions/hypervisor_example_racing_hook/predicates/hook_missed.js';
import { explore } from '../../../src/session/explore/explore.js';
import { explored, endExplored } from '../../session/explore/explored_guest.js';

const isFull = process.env.BAREFLANK_FULL === '1';
const hook = { 'ept_hook.address': '0x9000', 'ept_hook.target': '0xa000' };
const instructions = 100_000;

describe('RacingHook', function () {
  if (isFull) this.timeout(600_000);
  afterEach(endExplored);

  it('works under the schedule of the scheduler: each call comes to the hook', async () => {
    const { target, machine } = await explored('race_hook', 'example_racing_hook');
    const { state, failure } = explore(target, { predicate: hookMissed, preemptions: 0, instructions });
    expect(failure).to.equal(undefined);
    expect(state.counts).to.deep.equal({ found: 0, dead: 0, ended: 1, bound: 0 });
    expect(machine.pc.ram[0x610], 'calls that came to the hook').to.equal(2);
  });

  it('lets another processor run through while one executes the instruction that touched the page', async () => {
    const { target } = await explored('race_hook', 'example_racing_hook');
    const { state, failure } = explore(target, { predicate: hookMissed, preemptions: 3, instructions });
    expect(failure!.end).to.equal('found');
    expect(failure!.detail).to.equal('the function ran without its hook');
    expect(
      state.runs.slice(0, 2).every((runs) => runs > 0),
      'no shorter schedule fails',
    ).to.equal(true);
    // The shortest interleaving: the second processor waits until the first one reads the page, and executes during the step of that read.
    expect(failure!.taken).to.have.length(2);
    expect(failure!.taken[0]).to.include({ passedOver: 1, processor: 0 });
    expect(failure!.taken[1]).to.include({ passedOver: 0, processor: 1, exit: 'ept_violation' });
  });

  const preemptions = isFull ? 3 : 1;
  it(`is cured by a view for each vCPU: ept_hook survives all schedules with up to ${preemptions} preemptions`, async () => {
    const { target } = await explored('race_hook', 'example_ept_hook', hook);
    const { state, failure } = explore(target, { predicate: hookMissed, preemptions, instructions });
    expect(failure).to.equal(undefined);
    const { found, dead, bound } = state.counts;
    expect({ found, dead, bound }).to.deep.equal({ found: 0, dead: 0, bound: 0 });
    expect(state.runs).to.have.length(preemptions + 1);
    expect(state.runs[1]).to.be.greaterThan(5);
  });
});
