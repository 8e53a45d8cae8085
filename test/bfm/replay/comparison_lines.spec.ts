// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { comparisonLines, comparisonReport } from '../../../src/bfm/replay/comparison_lines.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { ExitOutcome } from '../../../src/vmm/exit/handler_trace.js';

const exit = {
  reason: ExitReason.Cpuid,
  rip: 0x1000n,
  qualification: 0n,
  instructions: 1234,
  outcome: 1 | ExitOutcome.Advanced | ExitOutcome.Resumed,
  processor: 0,
  registers: ['RAX=1'],
};

describe('comparisonLines', () => {
  it('puts the two runs side by side, each with the names of its own handlers', () => {
    const rows = [
      [exit, { ...exit, rip: 0x2000n, registers: [] }],
      [exit, 'the machine ended: dead'],
    ] as const;
    const comparison = { exits: 1, instructions: 9, difference: 'the VM exits differ in: RIP', rows };
    expect(comparisonLines(comparisonReport(comparison, ['mine'], ['yours']))).to.deep.equal([
      'the runs are alike for 1 VM exit, and differ then: the VM exits differ in: RIP',
      '  recorded modules                    other modules',
      '  cpuid at 0x1000, qualification 0x0  cpuid at 0x2000, qualification 0x0',
      '    processor 0, instruction 1 234      processor 0, instruction 1 234',
      '    mine: advanced                      yours: advanced',
      '    RAX=1',
      '  cpuid at 0x1000, qualification 0x0  the machine ended: dead',
      '    processor 0, instruction 1 234',
      '    mine: advanced',
      '    RAX=1',
    ]);
  });

  it('counts what was compared if nothing differs', () => {
    const comparison = { exits: 1000, instructions: 9, difference: undefined, rows: [] };
    expect(comparisonLines(comparisonReport(comparison, [], []))).to.deep.equal([
      '1 000 VM exits compared, no difference',
    ]);
  });
});
