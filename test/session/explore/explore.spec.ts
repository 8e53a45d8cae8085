// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { explore } from '../../../src/session/explore/explore.js';
import { endExplored, exploredCounter } from './explored_guest.js';

/** The counter of a guest whose two processors add 1 to it, once each, with a VM exit between load and store. */
const COUNTER = 0x640;

describe('explore', () => {
  afterEach(endExplored);

  it('finds the lost update of a counter that no lock guards, by one preemption, whatever the seed', async () => {
    const { target } = await exploredCounter();
    for (const seed of [0, 1, 2]) {
      const { state, failure } = explore(target, {
        predicate: ({ memory, machine }) =>
          machine.end !== undefined && memory.read8(COUNTER) === 1 && 'an update is lost',
        preemptions: 2,
        instructions: 1e5,
        seed,
      });
      expect(failure).to.deep.include({ end: 'found', detail: 'an update is lost' });
      expect(failure!.taken).to.have.length(1);
      expect(failure!.taken[0]!.exit).to.equal('cpuid');
      expect(state.counts.found).to.equal(1);
    }
  });

  it('has no failure if the predicate holds under no schedule', async () => {
    const { target } = await exploredCounter();
    const { state, failure } = explore(target, { predicate: () => false, preemptions: 1, instructions: 1e5 });
    expect(failure).to.equal(undefined);
    expect(state.counts.ended).to.equal(1 + state.runs[1]!);
  });
});
