// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import { stuckReport } from '../../../src/bfm/worker/stuck_report.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { ExitHistory } from '../../../src/machine/processor/exit_history.js';
import { slotCount, slotOf } from '../../../src/machine/vmx/vmcs/field_slots.js';
import { ExitOutcome } from '../../../src/vmm/exit/handler_trace.js';

describe('stuckReport', () => {
  it('is undefined while no handler runs', () => {
    expect(stuckReport(new RunControl(), [])).to.equal(undefined);
  });

  it('has the handler that does not return, and the exits of its processor, seen from another thread', () => {
    const main = new RunControl();
    const worker = new RunControl(main.memory);
    const fields = new Int32Array(2 * slotCount);
    fields[slotOf(VmcsField.ExitReason) << 1] = ExitReason.Cpuid;
    fields[slotOf(VmcsField.GuestRip) << 1] = 0x1000;
    const [first, second] = [0, 1].map((processor) => new ExitHistory(worker.exitHistories[processor]));
    for (const history of [first!, second!]) {
      history.begin(fields, Uint32Array.of(5, 0), 0);
      history.end(1 | ExitOutcome.Advanced | ExitOutcome.Resumed);
    }
    second!.begin(fields, Uint32Array.of(7, 0), 0);
    worker.exitWord[0] = ExitReason.Cpuid + 1;
    worker.handlerWord[0] = 1;
    const { detail, stuck } = stuckReport(main, ['loop'])!;
    expect(detail.split('\n')).to.deep.equal([
      'extension loop did not return from exit 10 (cpuid)',
      'last 2 VM exits, newest last:',
      '  instruction  exit   RIP     qualification  handled by',
      '            5  cpuid  0x1000  0x0            loop: advanced',
      '            7  cpuid  0x1000  0x0            -',
      'what to try: look for a loop or a call that blocks in this handler; the last exit says for what it was called',
    ]);
    expect(stuck!.processor).to.equal(1);
    expect(stuck!.lastExits.map(({ action }) => action)).to.deep.equal(['advanced', 'not handled']);
  });
});
