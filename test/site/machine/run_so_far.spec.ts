// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Pc } from '../../../src/machine/pc.js';
import { RunSoFar } from '../../../src/site/machine/run_so_far.js';

const moment = { turn: 1, instructions: 30, virtualTime: 40 };
const pc = {
  instructions: 30,
  virtualTime: 40,
  moment,
  stateHash: () => '0123456789abcdef',
  briefHash: () => 'fedcba9876543210',
} as unknown as Pc;
const event = { at: moment, event: { kind: 'typed', bytes: [1] } } as const;

describe('RunSoFar', () => {
  it('has all events, and the end as it is when somebody asks', () => {
    const run = new RunSoFar({ now: () => 0, interval: Infinity, tell: () => {} });
    run.recorder.event(event);
    const end = { kind: 'end', instructions: 30, virtualTime: 40, hash: '0123456789abcdef' };
    const first = [
      { kind: 'event', ...event },
      { ...end, outcome: 'shared', at: moment },
    ];
    expect(run.upTo(pc, false)).to.deep.equal(first);
    expect(run.upTo(pc, false), 'another time').to.deep.equal(first);
    expect(run.upTo(pc, true).at(-1)).to.deep.equal({ ...end, outcome: 'ended' });
  });

  it('tells states at intervals, and keeps none of them', () => {
    const told: [number, string][] = [];
    const run = new RunSoFar({ now: () => 0, interval: 20, tell: (...state) => told.push(state) });
    run.recorder.quantumEnded(pc);
    expect(told).to.deep.equal([[30, '0123456789abcdef']]);
    expect(run.upTo(pc, false)).to.have.length(1);
  });
});
