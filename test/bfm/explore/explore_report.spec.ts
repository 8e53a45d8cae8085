// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  exploreLines,
  exploreObject,
  progressOf,
  type ExploreReport,
} from '../../../src/bfm/explore/explore_report.js';
import { ExitStatus } from '../../../src/bfm/failures/exit_status.js';
import { nothingExplored } from '../../../src/session/explore/exploration_state.js';
import type { ScheduledResult } from '../../../src/session/explore/scheduled_run.js';

const at = { turn: 3, exit: 2, instructions: 40, virtualTime: 30 };
const failure: ScheduledResult = {
  end: 'found',
  detail: 'it broke',
  taken: [{ decision: 12, processor: 1, passedOver: 0, rip: 0x1000n, exit: 'cpuid', at }],
  decisions: 20,
  alternatives: 3,
  instructions: 90,
};
const state = {
  ...nothingExplored(1, 3),
  counts: { found: 1, dead: 0, ended: 2, bound: 0 },
  runs: [1, 2],
  decisions: 20,
};
const report: ExploreReport = {
  result: { end: 'found', failure },
  status: ExitStatus.Found,
  state,
  seconds: 1.25,
  recording: '/a.bfr',
  resume: undefined,
};

describe('The report of an exploration', () => {
  it('shows the failing schedule as a table, the runs by their ends, and how to repeat the failure', () => {
    expect(exploreLines(report).split('\n')).to.deep.equal([
      'bfm: found: it broke, with 1 preemption',
      '  decision  passed over            after  executes next',
      '  12        processor 0 at 0x1000  cpuid  processor 1',
      '  3 runs (1 + 2 by number of preemptions), up to 20 decisions each, 1.3 s',
      '  1 run in which the predicate held',
      '  2 runs that the guest ended',
      '  the run is in /a.bfr: bfm replay /a.bfr',
      '',
    ]);
  });

  it('has no table if the failure needs no preemption', () => {
    const usual: ExploreReport = { ...report, result: { end: 'found', failure: { ...failure, taken: [] } } };
    expect(exploreLines(usual).split('\n').slice(0, 2)).to.deep.equal([
      'bfm: found: it broke, without a preemption',
      '  3 runs (1 + 2 by number of preemptions), up to 20 decisions each, 1.3 s',
    ]);
  });

  it('names the address of a watched write', () => {
    const taken = [{ ...failure.taken[0]!, exit: undefined, write: 0x6c0n }];
    const written: ExploreReport = { ...report, result: { end: 'found', failure: { ...failure, taken } } };
    expect(exploreLines(written)).to.include('  12        processor 0 at 0x1000  write to 0x6c0  processor 1\n');
    expect(JSON.parse(JSON.stringify(exploreObject(written)))).to.deep.nested.include({ 'schedule[0].write': '0x6c0' });
  });

  it('says when there are schedules left, and how to go on', () => {
    const stopped = { ...report, result: { end: 'stopped' } as const, status: ExitStatus.Timeout, resume: '/a.json' };
    expect(exploreLines(stopped)).to.match(/^bfm: time-out: there are schedules left\n/);
    expect(exploreLines(stopped)).to.include('/a.json has what was explored: the same command goes on\n');
    expect(exploreLines({ ...stopped, state: nothingExplored(1, 3) }).split('\n')[1]).to.equal('  0 runs, 1.3 s');
    const whole = { ...report, result: { end: 'explored' } as const, status: ExitStatus.Reached };
    expect(exploreLines(whole)).to.match(
      /^bfm: explored: the predicate holds under no schedule with up to 3 preemptions\n/,
    );
  });

  it('is plain JSON too', () => {
    expect(exploreObject(report)).to.deep.include({
      outcome: 'found',
      exitStatus: 6,
      detail: 'it broke',
      recording: '/a.bfr',
    });
    expect(JSON.parse(JSON.stringify(exploreObject(report)))).to.deep.nested.include({
      'schedule[0]': { decision: 12, processor: 1, passedOver: 0, rip: '0x1000', exit: 'cpuid', write: null, at },
    });
    expect(progressOf([1, 20, 300])).to.equal('321 runs, now with 2 preemptions');
  });
});
