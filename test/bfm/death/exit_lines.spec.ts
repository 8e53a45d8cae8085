// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { exitLines } from '../../../src/bfm/death/exit_lines.js';
import { reportedExit } from '../../../src/session/reported_exit.js';
import { ExitReason, ExitReasonBit } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { ExitOutcome } from '../../../src/vmm/exit/handler_trace.js';

const handlers = ['ExitHandlerIntelX64', 'counter'];
const { Advanced, Resumed } = ExitOutcome;
const exit = (outcome: number, rip = 0x1000n, reason: number = ExitReason.Cpuid) =>
  reportedExit({ reason, rip, qualification: 0n, instructions: 1234, outcome }, handlers);

describe('exitLines', () => {
  it('name the entry that failed', () => {
    const failure = exit(1, 0n, (ExitReasonBit.VmEntryFailure | ExitReason.VmEntryFailureInvalidGuestState) >>> 0);
    expect(exitLines([failure], 9)).to.deep.equal([
      'the only VM exit:',
      '  instruction  exit                                  RIP  qualification  handled by',
      '        1 234  vm_entry_failure_invalid_guest_state  0x0  0x0            ExitHandlerIntelX64: stopped',
    ]);
  });

  it('may have another title', () => {
    expect(exitLines([exit(1 | Advanced)], 9, 'VM exit of processor 3')[0]).to.equal('VM exit of processor 3:');
  });

  it('are none without exits', () => {
    expect(exitLines([], 9)).to.deep.equal([]);
  });

  it('put equal exits in a row into one line, and the newest last', () => {
    const lines = exitLines(
      [exit(1 | Advanced | Resumed), exit(1 | Advanced | Resumed), exit(2, 0xffffffff81000000n)],
      9,
    );
    expect(lines).to.deep.equal([
      'last 3 VM exits, newest last:',
      '  instruction  exit      RIP                 qualification  handled by',
      '        1 234  cpuid x2  0x1000              0x0            ExitHandlerIntelX64: advanced',
      '        1 234  cpuid     0xffffffff81000000  0x0            counter: stopped',
    ]);
  });

  it('leave out the oldest if there is no room, and say so', () => {
    const exits = [1n, 1n, 2n, 3n, 4n].map((rip) => exit(1 | Resumed, rip));
    const lines = exitLines(exits, 2);
    expect(lines[0]).to.equal('last 5 VM exits, newest last (the first 3 are in the report of --json):');
    expect(lines.slice(2).map((line) => /0x\d/.exec(line)![0])).to.deep.equal(['0x3', '0x4']);
  });
});
