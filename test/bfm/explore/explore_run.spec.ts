// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExploreRun } from '../../../src/bfm/explore/explore_run.js';
import { nothingExplored } from '../../../src/session/explore/exploration_state.js';
import { raceHook } from './race_hook_run.js';

const isFull = process.env.BAREFLANK_FULL === '1';

describe('ExploreRun', function () {
  this.timeout(120_000);

  it('goes on, after it was stopped, with what was not tried, and finds the shortest failure by two workers', async () => {
    const stopped = new ExploreRun(raceHook(), 1, nothingExplored(2, 3));
    stopped.stop();
    expect(await stopped.run(undefined)).to.deep.equal({ end: 'stopped' });
    const run = new ExploreRun(raceHook(), 2, stopped.state);
    const result = await run.run(undefined);
    expect(result.end).to.equal('found');
    expect(run.state.failure!.schedule).to.have.length(2);
    expect(run.runs[0]).to.equal(1);
  });

  if (isFull)
    it('finds the same failure by any number of workers', async () => {
      const results = [];
      for (const workers of [1, 2, 4]) {
        const run = new ExploreRun(raceHook(), workers, nothingExplored(2, 3));
        results.push([await run.run(undefined), run.state.failure]);
      }
      expect(results[1]).to.deep.equal(results[0]);
      expect(results[2]).to.deep.equal(results[0]);
    });
});
