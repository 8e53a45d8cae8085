// SPDX-License-Identifier: LGPL-2.1-only
// What a trace must be so that Chrome's tools and ui.perfetto.dev open it: "Trace Event Format" of the Chromium project.
import { expect } from 'chai';

/** An event as a file has it. */
export interface FileEvent {
  readonly name: string;
  readonly ph: string;
  readonly ts: number;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly s?: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Checks the fields of each event, that the slices of a thread nest, and that each thread and each counter goes on in time. */
export function checkTrace(events: readonly FileEvent[]): void {
  events.forEach(checkFields);
  const tracks = new Map<number, FileEvent[]>();
  const last = new Map<string, number>();
  for (const event of events) {
    if (event.ph === 'M') continue;
    const key = event.ph === 'C' ? event.name : `${event.ph === 'i' ? 'instants' : 'slices'} of ${event.tid}`;
    expect(event.ts, `${key}: ${JSON.stringify(event)}`).to.be.at.least(last.get(key) ?? 0);
    last.set(key, event.ts);
    if (event.ph === 'X') tracks.set(event.tid, [...(tracks.get(event.tid) ?? []), event]);
  }
  tracks.forEach(checkNesting);
}

function checkFields(event: FileEvent): void {
  const text = JSON.stringify(event);
  expect(event.name, text).to.be.a('string').and.not.equal('');
  for (const number of [event.ts, event.pid, event.tid]) expect(number, text).to.be.a('number').and.at.least(0);
  expect(event.args, text).to.be.an('object');
  switch (event.ph) {
    case 'X':
      expect(event.dur, text).to.be.a('number').and.at.least(0);
      expect(event.cat, text).to.be.a('string');
      break;
    case 'i':
      expect(event.s, text).to.be.oneOf(['t', 'p', 'g']);
      break;
    case 'C':
      for (const value of Object.values(event.args)) expect(value, text).to.be.a('number');
      break;
    case 'M':
      expect(event.name, text).to.be.oneOf(['process_name', 'thread_name']);
      expect(event.args.name, text).to.be.a('string');
      break;
    default:
      expect.fail(`an event of phase ${event.ph}: ${text}`);
  }
}

/** A slice ends before the next one begins, or has all of it. Times are multiples of a nanosecond. */
function checkNesting(slices: readonly FileEvent[]): void {
  const nanoseconds = (microseconds: number): number => Math.round(microseconds * 1000);
  const open: number[] = [];
  for (const { ts, dur, name } of slices) {
    const [from, to] = [nanoseconds(ts), nanoseconds(ts) + nanoseconds(dur!)];
    while (open.length > 0 && open.at(-1)! <= from) open.pop();
    if (open.length > 0) expect(to, `${name} at ${ts}`).to.be.at.most(open.at(-1)!);
    open.push(to);
  }
}
