// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitHistory } from '../../../src/machine/processor/exit_history.js';
import { ExitLog } from '../../../src/machine/processor/exit_log.js';
import { slotOf } from '../../../src/machine/vmx/vmcs/field_slots.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { ExitOutcome } from '../../../src/vmm/exit/handler_trace.js';
import { TraceEvents } from '../../../src/session/trace/trace_events.js';
import type { TraceFilter } from '../../../src/session/trace/trace_filter.js';
import { TraceRecorder } from '../../../src/session/trace/trace_recorder.js';
import { checkTrace, type FileEvent } from './trace_format.js';

/** A processor's exits at these instructions. */
function exitsAt(log: ExitLog, instructions: readonly number[], reason: number = ExitReason.Cpuid): void {
  const fields = new Int32Array(4096);
  fields[slotOf(VmcsField.ExitReason) << 1] = reason;
  fields[slotOf(VmcsField.GuestRip) << 1] = 0x1000;
  const history = new ExitHistory();
  for (const count of instructions) {
    history.begin(fields, Uint32Array.of(count, 0), 0);
    history.end(1 | ExitOutcome.Advanced | ExitOutcome.Resumed);
    log.add(history);
  }
}

function eventsOf(
  record: (trace: TraceRecorder, log: ExitLog) => void,
  filter?: TraceFilter,
  limit = 100,
): FileEvent[] {
  const trace = new TraceRecorder({ limit, now: () => 7, ...(filter && { filter }) });
  const log = new ExitLog(limit);
  trace.exits.push(log, new ExitLog(limit));
  record(trace, log);
  const symbol = (address: bigint): string | undefined => (address === 0x1000n ? 'entry' : undefined);
  const events = [...new TraceEvents(trace, { handlers: ['counter'], symbol }).all()] as FileEvent[];
  checkTrace(events);
  return events;
}

const slices = (events: readonly FileEvent[], processor = 0): unknown[] =>
  events.filter(({ ph, tid }) => ph === 'X' && tid === processor).map(({ name, ts, dur }) => [name, ts, dur]);

describe('TraceEvents', () => {
  it('cuts a turn at its VM exits, whose time is that of their instruction', () => {
    const events = eventsOf((trace, log) => {
      exitsAt(log, [200, 500]);
      trace.ran(0, 1100, 2000, 100);
    });
    expect(slices(events)).to.deep.equal([
      ['guest', 1.1, 0.1],
      ['cpuid', 1.2, 0],
      ['guest', 1.2, 0.3],
      ['cpuid', 1.5, 0],
      ['guest', 1.5, 0.5],
    ]);
    const exit = events.find(({ name }) => name === 'cpuid')!;
    expect(exit.args).to.deep.equal({
      rip: '0x1000',
      symbol: 'entry',
      qualification: '0x0',
      handler: 'counter',
      action: 'advanced',
      instructions: 200,
    });
  });

  it('gives an exit the length of its cost, by which the exits behind it are later', () => {
    const events = eventsOf((trace, log) => {
      trace.exitCost = 50;
      exitsAt(log, [200, 500]);
      trace.ran(0, 1100, 2100, 100);
    });
    expect(slices(events)).to.deep.equal([
      ['guest', 1.1, 0.1],
      ['cpuid', 1.2, 0.05],
      ['guest', 1.25, 0.3],
      ['cpuid', 1.55, 0.05],
      ['guest', 1.6, 0.5],
    ]);
  });

  it('has idle time and waits at a PAUSE', () => {
    const events = eventsOf((trace) => {
      trace.ran(0, 0, 1000, 0);
      trace.waited(0, 1000, 5000, true);
      trace.waited(0, 5000, 5100, false);
      trace.ran(1, 0, 300, 0);
    });
    expect(slices(events)).to.deep.equal([
      ['guest', 0, 1],
      ['idle', 1, 4],
      ['PAUSE', 5, 0.1],
    ]);
    expect(slices(events, 1)).to.deep.equal([['guest', 0, 0.3]]);
  });

  it('does not go back where exits of another context have other counts of instructions', () => {
    const events = eventsOf((trace, log) => {
      exitsAt(log, [50, 9999]);
      trace.ran(0, 100, 200, 100);
    });
    expect(slices(events)).to.deep.equal([
      ['cpuid', 0.1, 0],
      ['guest', 0.1, 0.1],
      ['cpuid', 0.2, 0],
    ]);
  });

  it('leaves out the exits that were dropped, and the guest time before the first row', () => {
    const events = eventsOf(
      (trace, log) => {
        exitsAt(log, [10, 20, 30, 40]);
        trace.ran(0, 0, 50, 0);
        exitsAt(log, [60]);
        trace.ran(0, 50, 100, 50);
      },
      undefined,
      1,
    );
    expect(slices(events)).to.deep.equal([
      ['guest', 0.05, 0.01],
      ['cpuid', 0.06, 0],
      ['guest', 0.06, 0.04],
    ]);
  });

  it('has exits of a processor that has had no turn since', () => {
    const events = eventsOf((trace, log) => {
      exitsAt(log, [10]);
      trace.ran(0, 0, 50, 0);
      exitsAt(log, [50]);
      exitsAt(trace.exits[1]!, [0], ExitReason.Vmcall);
    });
    expect(slices(events).slice(-1)).to.deep.equal([['cpuid', 0.05, 0]]);
    expect(slices(events, 1)).to.deep.equal([['vmcall', 0, 0]]);
  });

  it('counts VM exits and real time', () => {
    const events = eventsOf((trace, log) => {
      exitsAt(log, [10, 20]);
      trace.ran(0, 0, 200_000, 0);
      trace.ran(0, 200_000, 200_001, 200_000);
    });
    const counters = events.filter(({ ph }) => ph === 'C').map(({ name, ts, args }) => [name, ts, args]);
    expect(counters).to.deep.equal([
      ['VM exits', 200, { 'processor 0': 2, 'processor 1': 0 }],
      ['real time, ms', 200, { ms: 0 }],
    ]);
  });

  it('has no other exits than those that its filter names', () => {
    const record = (trace: TraceRecorder, log: ExitLog): void => {
      exitsAt(log, [10], ExitReason.Rdmsr);
      exitsAt(log, [20]);
      trace.ran(0, 0, 100, 0);
    };
    expect(slices(eventsOf(record, { kinds: ['exits'], reasons: ['rdmsr'] }))).to.deep.equal([['rdmsr', 0.01, 0]]);
    expect(slices(eventsOf(record, { kinds: ['guest', 'exits'], reasons: ['cpuid'] }))).to.deep.equal([
      ['guest', 0, 0.02],
      ['cpuid', 0.02, 0],
      ['guest', 0.02, 0.08],
    ]);
  });
});
