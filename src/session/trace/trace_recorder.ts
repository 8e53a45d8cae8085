// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../../machine/pc.js';
import { ExitLog } from '../../machine/processor/exit_log.js';
import type { TurnObserver } from '../../machine/turn_observer.js';
import { wholeTrace, type TraceFilter, type TraceKind } from './trace_filter.js';

/** What a row of the trace is. */
export const RowKind = { Ran: 0, Slept: 1, Paused: 2, Interrupt: 3 } as const;

/** Columns of a row. `Wall` is in milliseconds, times are virtual nanoseconds, `Exits` counts the processor's VM exits up to the row. */
export const Column = { Kind: 0, Processor: 1, From: 2, To: 3, Wall: 4, Exits: 5, Instructions: 6, Vector: 7 } as const;
const COLUMNS = 8;

/** A line of the guest's console. */
export interface ConsoleLine {
  /** Virtual nanoseconds of its last character. */
  readonly at: number;
  readonly text: string;
}

/** What a trace keeps. */
export interface TraceOptions {
  /** Of VM exits, of other rows and of lines of the console, the newest so many are kept. */
  readonly limit: number;
  readonly filter?: TraceFilter;
  /** Real time in milliseconds. */
  readonly now: () => number;
}

const LONGEST_LINE = 500;

/**
 * Watches a machine while it runs: what each processor does, in virtual time. Rows and VM exits are words in rings of a fixed size, so that watching allocates
 * nothing at an exit; `traceEvents` makes events of them when the run is over.
 */
export class TraceRecorder implements TurnObserver {
  readonly filter: TraceFilter;
  /** By processor. */
  readonly exits: ExitLog[] = [];
  private readonly whole: ConsoleLine[] = [];
  private readonly rows: Float64Array;
  private added = 0;
  private line = '';
  private droppedLines = 0;
  private readonly started: number;
  private pc: Pc | undefined;
  /** Virtual nanoseconds of a VM exit. */
  exitCost = 0;

  constructor(private readonly options: TraceOptions) {
    this.filter = options.filter ?? wholeTrace;
    this.rows = new Float64Array(options.limit * COLUMNS);
    this.started = options.now();
  }

  /** Begins to watch a machine. */
  attach(pc: Pc): void {
    this.pc = pc;
    this.exitCost = pc.processors[0]!.exitCost;
    pc.scheduler.observers.push(this);
    const capacity = Math.max(Math.floor(this.options.limit / pc.processors.length), 1);
    for (const processor of pc.processors) {
      const log = new ExitLog(this.wants('exits') ? capacity : 1);
      this.exits.push(log);
      if (this.wants('exits')) processor.exitSinks.push(log);
    }
    if (this.wants('interrupts')) pc.bus.acknowledged = (vector) => this.interrupt(pc, vector);
  }

  wants(kind: TraceKind): boolean {
    return this.filter.kinds.includes(kind);
  }

  ran(processor: number, from: number, to: number, instructions: number): void {
    this.row(RowKind.Ran, processor, from, to, instructions, 0);
  }

  waited(processor: number, from: number, to: number, sleeps: boolean): void {
    this.row(sleeps ? RowKind.Slept : RowKind.Paused, processor, from, to, 0, 0);
  }

  /** A byte of the guest's console. */
  console(byte: number): void {
    if (!this.wants('console')) return;
    if (byte !== 0x0a) {
      if (this.line.length < LONGEST_LINE) this.line += String.fromCharCode(byte);
      return;
    }
    this.whole.push(...this.openLine);
    this.line = '';
    if (this.whole.length <= this.options.limit) return;
    this.whole.shift();
    this.droppedLines++;
  }

  /** The lines that are kept, with the last one even if it is not complete. */
  get lines(): readonly ConsoleLine[] {
    return [...this.whole, ...this.openLine];
  }

  private get openLine(): ConsoleLine[] {
    const text = this.line.trimEnd();
    return text === '' ? [] : [{ at: this.pc?.virtualTime ?? 0, text }];
  }

  /** The number of the oldest row that is kept, and of the next one. */
  get firstRow(): number {
    return Math.max(this.added - this.options.limit, 0);
  }

  get nextRow(): number {
    return this.added;
  }

  column(row: number, column: number): number {
    return this.rows[(row % this.options.limit) * COLUMNS + column]!;
  }

  /** What was not kept. */
  get dropped(): { readonly rows: number; readonly exits: number; readonly lines: number } {
    const exits = this.wants('exits') ? this.exits.reduce((sum, { first }) => sum + first, 0) : 0;
    return { rows: this.firstRow, exits, lines: this.droppedLines };
  }

  private interrupt(pc: Pc, vector: number): void {
    const { processorInTurn = 0 } = pc.scheduler;
    const at = pc.virtualTime;
    if (vector >= 0) this.row(RowKind.Interrupt, processorInTurn, at, at, 0, vector);
  }

  private row(kind: number, processor: number, from: number, to: number, instructions: number, vector: number): void {
    const { rows } = this;
    const at = (this.added++ % this.options.limit) * COLUMNS;
    rows[at + Column.Kind] = kind;
    rows[at + Column.Processor] = processor;
    rows[at + Column.From] = from;
    rows[at + Column.To] = to;
    rows[at + Column.Wall] = this.options.now() - this.started;
    rows[at + Column.Exits] = this.exits[processor]?.total ?? 0;
    rows[at + Column.Instructions] = instructions;
    rows[at + Column.Vector] = vector;
  }
}
