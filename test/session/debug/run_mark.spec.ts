// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { isSameRun, KnownPoints, type RunMark } from '../../../src/session/debug/run_mark.js';

const mark: RunMark = { instructions: 10, exits: 3, counts: [4, 6], registers: [1n, 2n] };

describe('isSameRun', () => {
  it('compares registers if as many VM exits have come', () => {
    expect(isSameRun(mark, mark, true)).to.equal(true);
    expect(isSameRun({ ...mark, registers: [1n, 3n] }, mark, false)).to.equal(false);
  });

  it('lets VM exits and what they change come at the other point', () => {
    expect(isSameRun({ ...mark, exits: 2, registers: [1n, 3n] }, mark, true)).to.equal(true);
    expect(isSameRun({ ...mark, exits: 4, registers: [1n, 3n] }, mark, false)).to.equal(true);
    expect(isSameRun({ ...mark, exits: 4 }, mark, true), 'more than at the point').to.equal(false);
  });

  it('compares what each processor has executed', () => {
    expect(isSameRun({ ...mark, counts: [5, 5] }, mark, false)).to.equal(false);
  });
});

describe('KnownPoints', () => {
  it('has those at an instruction, and the next one behind it', () => {
    const known = new KnownPoints();
    for (const instructions of [30, 10, 20]) known.add({ ...mark, instructions });
    known.add({ ...mark, exits: 9 });
    expect(known.at(10).map(({ exits }) => exits)).to.deep.equal([3, 9]);
    expect(known.after(10)).to.include({ instructions: 20 });
    expect(known.after(30)).to.equal(undefined);
  });

  it('forgets the oldest of too many', () => {
    const known = new KnownPoints();
    for (let instructions = 0; instructions <= 64; instructions++) known.add({ ...mark, instructions });
    expect([known.at(0).length, known.at(1).length]).to.deep.equal([0, 1]);
  });
});
