// SPDX-License-Identifier: LGPL-2.1-only
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import { reportedExit, type ReportedExit } from '../reported_exit.js';
import type { TraceEvent } from './trace_event.js';
import { Column, RowKind, type TraceRecorder } from './trace_recorder.js';

/** The process of the trace: the machine. Its threads are the processors and the console. */
const MACHINE = 1;
const CONSOLE = 100;

/** Nanoseconds of virtual time between two values of the counters, at least. */
const COUNTER_SPACING = 100_000;

/** What events need besides what was recorded. */
export interface TraceNames {
  /** Of contributions and exit handlers, as the VMM numbers them. */
  readonly handlers: readonly string[];
  /** The name of the guest's code at an address. */
  readonly symbol: (address: bigint) => string | undefined;
}

const microseconds = (nanoseconds: number): number => nanoseconds / 1000;

/** The rows of a processor, and how far they have become events. */
interface Track {
  readonly processor: number;
  /** The next VM exit. */
  exit: number;
  /** Virtual time up to which the track has events. */
  at: number;
}

/** Makes the events of a trace, in the order of virtual time for each track. */
export class TraceEvents {
  private readonly names = new Map<bigint, string | undefined>();
  private readonly tracks: readonly Track[];
  private counted = -COUNTER_SPACING;

  constructor(
    private readonly recorder: TraceRecorder,
    private readonly from: TraceNames,
  ) {
    this.tracks = recorder.exits.map((log, processor) => ({ processor, exit: log.first, at: 0 }));
  }

  *all(): Generator<TraceEvent> {
    yield* this.heading();
    const { recorder } = this;
    for (let row = recorder.firstRow; row < recorder.nextRow; row++) yield* this.row(row);
    for (const track of this.tracks) yield* this.behindTurns(track);
    for (const { at, text } of recorder.lines)
      yield { name: text, ph: 'i', s: 't', cat: 'console', ts: microseconds(at), pid: MACHINE, tid: CONSOLE, args: {} };
  }

  private *heading(): Generator<TraceEvent> {
    const name = (what: string, tid: number, text: string): TraceEvent => ({
      name: what,
      ph: 'M',
      ts: 0,
      pid: MACHINE,
      tid,
      args: { name: text },
    });
    yield name('process_name', 0, 'machine (virtual time)');
    for (const { processor } of this.tracks) yield name('thread_name', processor, `processor ${processor}`);
    yield name('thread_name', CONSOLE, 'console');
  }

  private *row(row: number): Generator<TraceEvent> {
    const { recorder } = this;
    const value = (column: number): number => recorder.column(row, column);
    const track = this.tracks[value(Column.Processor)]!;
    const [from, to] = [Math.max(value(Column.From), track.at), value(Column.To)];
    switch (value(Column.Kind)) {
      case RowKind.Ran:
        yield* this.turn(row, track);
        break;
      case RowKind.Interrupt:
        yield {
          name: `interrupt ${value(Column.Vector)}`,
          ph: 'i',
          s: 't',
          cat: 'interrupt',
          ts: microseconds(value(Column.From)),
          pid: MACHINE,
          tid: track.processor,
          args: { vector: value(Column.Vector) },
        };
        return;
      default:
        if (recorder.wants('idle') && to > from)
          yield this.slice(track, value(Column.Kind) === RowKind.Slept ? 'idle' : 'PAUSE', 'idle', from, to, {});
    }
    track.at = Math.max(track.at, to);
    if (recorder.wants('counters')) yield* this.counters(row);
  }

  /** A turn: what the guest executes between VM exits, and the exits. */
  private *turn(row: number, track: Track): Generator<TraceEvent> {
    const { recorder } = this;
    const value = (column: number): number => recorder.column(row, column);
    const { exitCost } = recorder;
    const log = recorder.exits[track.processor]!;
    const [end, wall] = [value(Column.To), Math.round(value(Column.Wall) * 1000) / 1000];
    // What the processor slept is between its instructions and the virtual time.
    const slept = value(Column.From) - value(Column.Instructions);
    let at = Math.max(value(Column.From), track.at);
    // The exits of the turn before this one have taken virtual time too.
    for (let before = 0; track.exit < value(Column.Exits); track.exit++, before++) {
      if (track.exit < log.first) continue;
      const exit = log.exit(track.exit);
      const moment = Math.min(Math.max(exit.instructions + slept + before * exitCost, at), end);
      if (this.isLeftOut(exit.reason)) continue;
      yield* this.guest(track, at, moment, wall);
      const over = Math.min(moment + exitCost, end);
      yield this.exit(track, [moment, over], reportedExit(exit, this.from.handlers), exit.rip);
      at = over;
    }
    yield* this.guest(track, at, end, wall);
  }

  /** Exits behind the last turn of a processor: of the driver's VMCALLs on one that sleeps, or at the end of the run. */
  private *behindTurns(track: Track): Generator<TraceEvent> {
    const log = this.recorder.exits[track.processor]!;
    for (track.exit = Math.max(track.exit, log.first); track.exit < log.total; track.exit++) {
      const exit = log.exit(track.exit);
      if (this.isLeftOut(exit.reason)) continue;
      yield this.exit(track, [track.at, track.at], reportedExit(exit, this.from.handlers), exit.rip);
    }
  }

  private isLeftOut(reason: number): boolean {
    const { reasons } = this.recorder.filter;
    return reasons !== undefined && !reasons.includes(exitReasonName(reason));
  }

  private *guest(track: Track, from: number, to: number, wall: number): Generator<TraceEvent> {
    if (to <= from || !this.recorder.wants('guest')) return;
    yield this.slice(track, 'guest', 'guest', from, to, { 'real time at the end of the turn, ms': wall });
  }

  /** The exit, its handlers and the entry that follows. */
  private exit(track: Track, [from, to]: readonly [number, number], exit: ReportedExit, address: bigint): TraceEvent {
    const { reason, rip, qualification, handler, action, instructions } = exit;
    const symbol = this.nameOf(address);
    const args = { rip, ...(symbol !== undefined && { symbol }), qualification, handler, action, instructions };
    return this.slice(track, reason, 'exit', from, to, args);
  }

  private slice(
    { processor }: Track,
    name: string,
    cat: string,
    from: number,
    to: number,
    args: Extract<TraceEvent, { ph: 'X' }>['args'],
  ): TraceEvent {
    return {
      name,
      ph: 'X',
      cat,
      ts: microseconds(from),
      dur: microseconds(to - from),
      pid: MACHINE,
      tid: processor,
      args,
    };
  }

  private *counters(row: number): Generator<TraceEvent> {
    const { recorder } = this;
    const at = recorder.column(row, Column.To);
    if (at - this.counted < COUNTER_SPACING) return;
    this.counted = at;
    const place = { ph: 'C', ts: microseconds(at), pid: MACHINE, tid: 0 } as const;
    const exits = Object.fromEntries(this.tracks.map(({ processor, exit }) => [`processor ${processor}`, exit]));
    yield { name: 'VM exits', ...place, args: exits };
    yield { name: 'real time, ms', ...place, args: { ms: recorder.column(row, Column.Wall) } };
  }

  private nameOf(address: bigint): string | undefined {
    if (!this.names.has(address)) this.names.set(address, this.from.symbol(address));
    return this.names.get(address);
  }
}
