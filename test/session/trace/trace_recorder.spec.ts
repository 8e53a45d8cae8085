// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { traceKinds } from '../../../src/session/trace/trace_filter.js';
import { Column, RowKind, TraceRecorder } from '../../../src/session/trace/trace_recorder.js';

const recorder = (limit: number): TraceRecorder => new TraceRecorder({ limit, now: () => 5 });

describe('TraceRecorder', () => {
  it('keeps the newest rows, and counts the others', () => {
    const trace = recorder(2);
    trace.ran(0, 0, 10, 0);
    trace.waited(1, 10, 30, true);
    trace.waited(1, 30, 35, false);
    expect([trace.firstRow, trace.nextRow, trace.dropped.rows]).to.deep.equal([1, 3, 1]);
    const row = (number: number): number[] =>
      [Column.Kind, Column.Processor, Column.From, Column.To].map((column) => trace.column(number, column));
    expect([row(1), row(2)]).to.deep.equal([
      [RowKind.Slept, 1, 10, 30],
      [RowKind.Paused, 1, 30, 35],
    ]);
  });

  it('keeps lines of the console, the newest, and no more of each than one reads', () => {
    const trace = recorder(2);
    for (const byte of Buffer.from(`one\r\n\n${'x'.repeat(9999)}\nthree\nopen`)) trace.console(byte);
    expect(trace.lines.map(({ text }) => text.slice(0, 9))).to.deep.equal(['x'.repeat(9), 'three', 'open']);
    expect(trace.lines[0]!.text).to.have.length(500);
    expect(trace.dropped.lines).to.equal(1);
  });

  it('keeps nothing that its filter leaves out', () => {
    const trace = new TraceRecorder({ limit: 2, now: () => 5, filter: { kinds: ['guest'] } });
    for (const byte of Buffer.from('one\n')) trace.console(byte);
    expect(trace.lines).to.deep.equal([]);
    expect(traceKinds.filter((kind) => trace.wants(kind))).to.deep.equal(['guest']);
  });
});
