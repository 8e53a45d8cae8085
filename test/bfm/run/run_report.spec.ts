// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitStatus } from '../../../src/bfm/failures/exit_status.js';
import { exitStatusOf, outcomeLine, reportTable, restoredLines } from '../../../src/bfm/run/run_report.js';
import type { Outcome, RunReport } from '../../../src/bfm/worker/run_request.js';

function report(outcome: Outcome, debugExit: number | null = null, detail = ''): RunReport {
  return {
    outcome,
    detail,
    machine: { exits: { cpuid: 1000, wbinvd: 2, xsetbv: 2 }, instructions: 1234567, virtualTime: 2e9, debugExit },
    extensions: { cpuidcount: { count: 1000 } },
    milliseconds: 1500,
  };
}

describe('exitStatusOf', () => {
  const cases: [Outcome, number | null, string | undefined, ExitStatus][] = [
    ['saved', null, 'x', ExitStatus.Reached],
    ['reached', null, 'x', ExitStatus.Reached],
    ['powered-off', null, undefined, ExitStatus.Reached],
    ['powered-off', null, 'x', ExitStatus.Error],
    ['halted', null, undefined, ExitStatus.Reached],
    ['halted', null, 'x', ExitStatus.Error],
    ['reset', null, 'x', ExitStatus.Error],
    ['debug-exit', 0, undefined, ExitStatus.Reached],
    ['debug-exit', 1, undefined, ExitStatus.Error],
    ['debug-exit', 0, 'x', ExitStatus.Error],
    ['dead', null, undefined, ExitStatus.Dead],
    ['timeout', null, 'x', ExitStatus.Timeout],
    ['interrupted', null, undefined, ExitStatus.Interrupted],
  ];
  for (const [outcome, debugExit, until, status] of cases) {
    it(`is ${status} when ${outcome}${debugExit === null ? '' : ` (${debugExit})`} ${until === undefined ? 'without' : 'before'} a text to wait for`, () => {
      expect(exitStatusOf(report(outcome, debugExit), until)).to.equal(status);
    });
  }
});

describe('outcomeLine', () => {
  it('says what the guest did and what was missed', () => {
    expect(outcomeLine(report('halted', null, 'the report'), undefined)).to.equal("the guest's system has halted");
    expect(outcomeLine(report('powered-off', null, 'port 0x8900'), 'login:')).to.equal(
      'the guest switched the power off before "login:" appeared on its console (port 0x8900)',
    );
    expect(outcomeLine(report('dead', null, 'triple fault'), undefined)).to.equal('triple fault');
    expect(outcomeLine(report('saved', null, '/tmp/file'), 5)).to.equal('saved as /tmp/file');
    expect(outcomeLine(report('timeout'), 12345)).to.equal('time-out before its 12 345 instructions were done');
  });
});

describe('restoredLines', () => {
  it('say where the run is and what its console shows, and leave a prompt open on a terminal', () => {
    const shown = { lines: ['hello', 'debian:/#'], isOpen: true };
    const text = "restored at 12 345 instructions; the guest's console showed last:\nhello\ndebian:/#";
    expect(restoredLines(12345, shown, true)).to.equal(`${text} `);
    expect(restoredLines(12345, shown, false)).to.equal(`${text}\n`);
    expect(restoredLines(12345, { ...shown, isOpen: false }, true)).to.equal(`${text}\n`);
    expect(restoredLines(1, { lines: [], isOpen: false }, true)).to.equal('restored at 1 instructions\n');
  });
});

describe('reportTable', () => {
  it('lists exits from the most frequent, then extensions, instructions and time', () => {
    const lines = reportTable(report('reached'), false).split('\n');
    expect(lines.map((line) => line.trim().replace(/\s{2,}/, ' = '))).to.deep.equal([
      'exits: cpuid = 1 000',
      'exits: wbinvd = 2',
      'exits: xsetbv = 2',
      'cpuidcount: count = 1 000',
      'instructions = 1 234 567',
      'time = 1.500 s',
      '',
    ]);
  });
  it('has the speed of what this run has executed, and none of a replay that went back', () => {
    const shown = (changed: Partial<RunReport>) => {
      const lines = reportTable({ ...report('reached'), milliseconds: 1000, ...changed }, true).split('\n');
      return lines
        .find((line) => line.includes('speed'))
        ?.trim()
        .replace(/\s{2,}/, ' = ');
    };
    const machine = { exits: {}, instructions: 553_000_000, restoredAt: 552_000_000, virtualTime: 0, debugExit: null };
    expect([shown({}), shown({ machine })]).to.deep.equal(['speed = 1.2 MIPS', 'speed = 1.0 MIPS']);
    const point = { point: '', instructions: 1, virtualTime: 1, exits: 0, stateHash: '', milliseconds: 1, detail: '' };
    expect(shown({ points: [point, point] })).to.equal(undefined);
  });
  it('says how much ran in compiled regions, and why these were left', () => {
    const compiled = {
      regions: 3,
      modules: 2,
      bytes: 1 << 20,
      milliseconds: 20,
      longestMilliseconds: 5,
      instructions: 500_000,
      entries: 1000,
      leaves: { target: 700, instruction: 200, access: 60, budget: 30, due: 10 },
    };
    const { machine } = report('reached');
    const lines = reportTable({ ...report('reached'), machine: { ...machine, compiled } }, true).split('\n');
    const shown = lines.map((line) => line.trim().replace(/\s{2,}/, ' = '));
    expect(shown).to.include.members([
      'instructions per visit of a region = 500.0',
      'left for code without a region = 700',
      'left for an instruction of the interpreter = 200',
      'left for a miss of the TLB or a fault = 60',
      'left for the end of a turn = 30',
      'left for a device, code or an event = 10',
    ]);
  });
  it('has the checkpoints of a replay among the other figures, and why there are fewer', () => {
    const checkpoints = { count: 12, spacing: 50_000_000, bytes: 3 << 20, failure: 'X.y is not marked' };
    const lines = reportTable({ ...report('reached'), checkpoints }, true).split('\n');
    expect(lines.slice(-5).map((line) => line.trim().replace(/\s{2,}/, ' = '))).to.deep.equal([
      'checkpoints = 12',
      'instructions between two = 50 000 000',
      'memory of checkpoints = 3.0 MiB',
      'there are fewer because = X.y is not marked',
      '',
    ]);
  });
});
