// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { reportedExit } from '../../src/session/reported_exit.js';
import { ExitReason, ExitReasonBit } from '../../src/intrinsics/vmx/exit_reasons.js';
import { ExitOutcome } from '../../src/vmm/exit/handler_trace.js';

const handlers = ['ExitHandlerIntelX64', 'counter'];
const { Advanced, Injected, Resumed } = ExitOutcome;
const exit = (outcome: number, rip = 0x1000n, reason: number = ExitReason.Cpuid) =>
  reportedExit({ reason, rip, qualification: 0n, instructions: 1234, outcome }, handlers);

describe('reportedExit', () => {
  it('names the reason, the handler, and what it did', () => {
    expect(exit(2 | Advanced | Resumed)).to.deep.equal({
      reason: 'cpuid',
      rip: '0x1000',
      qualification: '0x0',
      instructions: 1234,
      handler: 'counter',
      action: 'advanced',
    });
    expect([
      exit(1 | Injected | Resumed).action,
      exit(1 | Advanced | Injected | Resumed).action,
      exit(1 | Resumed).action,
      exit(1 | Advanced).action,
      exit(0).action,
    ]).to.deep.equal(['injected', 'advanced, injected', 'resumed', 'stopped', 'not handled']);
  });

  it('has no handler for an exit to x86 code', () => {
    expect(exit(0)).to.include({ handler: null });
  });

  it('says that the VM entry failed', () => {
    const failure = exit(1, 0n, (ExitReasonBit.VmEntryFailure | ExitReason.VmEntryFailureInvalidGuestState) >>> 0);
    expect(failure).to.include({ isEntryFailure: true, reason: 'vm_entry_failure_invalid_guest_state' });
  });
});
