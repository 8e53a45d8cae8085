// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { branchLines, reportedBranch, type ReportedBranch } from '../../../src/bfm/death/branch_lines.js';

const branch = (from: number, to: number, how = 'jmp'): ReportedBranch =>
  reportedBranch({ from: BigInt(from), to: BigInt(to), how }, () => undefined);

describe('reportedBranch', () => {
  it('has names where they are known', () => {
    const nameOf = (address: bigint): string | undefined => (address === 16n ? 'start+0x10' : undefined);
    expect(reportedBranch({ from: 16n, to: 32n, how: 'call' }, nameOf)).to.deep.equal({
      from: '0x10',
      to: '0x20',
      how: 'call',
      fromSymbol: 'start+0x10',
    });
  });
});

describe('branchLines', () => {
  it('show where each branch led, in columns', () => {
    const named = { ...branch(0x1000, 0x20, 'je'), toSymbol: 'idle+0x3' };
    expect(branchLines(2, [named, branch(1, 2, 'ret')])).to.deep.equal([
      'last 2 taken branches of processor 2, newest last:',
      '  from    to             by',
      '  0x1000  0x20 idle+0x3  je',
      '  0x1     0x2            ret',
    ]);
    expect(branchLines(0, [branch(1, 2)])[0]).to.equal('the last taken branch of processor 0, newest last:');
    expect(branchLines(1, [])).to.deep.equal(['no taken branches of processor 1 just before']);
  });

  it('show a round of a loop once', () => {
    const [a, b, c] = [branch(1, 2), branch(3, 4), branch(5, 6)];
    const bodies = (...branches: readonly ReportedBranch[]): string[] =>
      branchLines(0, branches)
        .slice(2)
        .map((line) => line.trim().replace(/ +jmp$/, ''));
    expect(bodies(a, b, c, b, c, b, c, a)).to.deep.equal([
      '0x1   0x2',
      '0x3   0x4',
      '0x5   0x6',
      '… these 2 lines 2 more times',
      '0x1   0x2',
    ]);
    expect(bodies(a, a, a, b)).to.deep.equal(['0x1   0x2', '… the same 2 more times', '0x3   0x4']);
    expect(bodies(a, a, b), 'nothing is saved').to.deep.equal(['0x1   0x2', '0x1   0x2', '0x3   0x4']);
  });
});
