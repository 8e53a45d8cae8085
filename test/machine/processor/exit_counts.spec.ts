// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { ExitCounts } from '../../../src/machine/processor/exit_counts.js';
import { ExitHistory } from '../../../src/machine/processor/exit_history.js';
import { slotOf } from '../../../src/machine/vmx/vmcs/field_slots.js';
import { ExitOutcome } from '../../../src/vmm/exit/handler_trace.js';

describe('ExitCounts', () => {
  it('count exits by reason and handler, whatever else an outcome says', () => {
    const counts = new ExitCounts(() => 0);
    const history = new ExitHistory();
    const fields = new Int32Array(4096);
    const exit = (reason: number, outcome: number): void => {
      fields[slotOf(VmcsField.ExitReason) << 1] = reason;
      history.begin(fields, new Uint32Array(2), 0);
      history.end(outcome);
      counts.add(history);
    };
    exit(ExitReason.Cpuid, 2 | ExitOutcome.Advanced | ExitOutcome.Resumed);
    exit(ExitReason.Cpuid, 2 | ExitOutcome.Resumed);
    exit(ExitReason.Cpuid, 0);
    exit(ExitReason.Rdmsr, 1);
    expect(counts.all()).to.deep.equal([
      { reason: ExitReason.Cpuid, handler: 0, count: 1, hostTime: 0 },
      { reason: ExitReason.Cpuid, handler: 2, count: 2, hostTime: 0 },
      { reason: ExitReason.Rdmsr, handler: 1, count: 1, hostTime: 0 },
    ]);
  });

  it('have the time from the beginning of an exit to its end, and none of an exit to x86 code', () => {
    let now = 5;
    const counts = new ExitCounts(() => now);
    const history = new ExitHistory();
    const fields = new Int32Array(4096);
    fields[slotOf(VmcsField.ExitReason) << 1] = ExitReason.Cpuid;
    const exit = (): void => {
      history.begin(fields, new Uint32Array(2), 0);
      history.end(1);
      now += 2;
      counts.add(history);
    };
    counts.begin();
    exit();
    now += 100;
    exit();
    counts.begin();
    exit();
    expect(counts.all()).to.deep.equal([{ reason: ExitReason.Cpuid, handler: 1, count: 3, hostTime: 4 }]);
  });
});
