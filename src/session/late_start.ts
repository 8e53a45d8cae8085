// SPDX-License-Identifier: LGPL-2.1-only
import { groupedDigits } from './grouped_digits.js';
import { TextMatcher } from './text_matcher.js';

/** How far a late start has come. */
export interface LateStartState {
  readonly matched: number;
  readonly due: boolean;
  readonly done: boolean;
  readonly startedAfter: number;
}

/** Watches a guest for the moment at which a late VMM starts: a text on the console, or the first time that every processor is idle. */
export class LateStart {
  private readonly matcher: TextMatcher | undefined;
  private due = false;
  private done = false;
  private startedAfter = 0;

  /** @param text of the console; undefined: when every processor is idle. */
  constructor(private readonly text: string | undefined) {
    this.matcher = text === undefined ? undefined : new TextMatcher(text);
  }

  /** A byte of the console. @returns whether the machine must stop at the next boundary, for the start. */
  consoleByte(byte: number): boolean {
    if (this.done || this.due || this.matcher?.push(byte) !== true) return false;
    this.due = true;
    return true;
  }

  /** Call when every processor is idle. @returns whether time must not go on before the start. */
  idle(): boolean {
    if (this.matcher === undefined && !this.done) this.due = true;
    return this.due && !this.done;
  }

  /** The moment has come. */
  get isDue(): boolean {
    return this.due && !this.done;
  }

  get hasStarted(): boolean {
    return this.done;
  }

  /** Call once the VMM has started. @param instructions that the guest had executed. */
  started(instructions: number): void {
    this.done = true;
    this.startedAfter = instructions;
  }

  save(): LateStartState {
    const { matcher, due, done, startedAfter } = this;
    return { matched: matcher?.matched ?? 0, due, done, startedAfter };
  }

  /** The run went to another moment. */
  restore({ matched, due, done, startedAfter }: LateStartState): void {
    if (this.matcher !== undefined) this.matcher.matched = matched;
    this.due = due;
    this.done = done;
    this.startedAfter = startedAfter;
  }

  /** When the VMM took over: a sentence, or why it never did. */
  get summary(): string {
    if (!this.done) return this.reasonForNone;
    return `the VMM took over after ${groupedDigits(this.startedAfter)} instructions`;
  }

  /** Why the start never came. */
  get reasonForNone(): string {
    const why =
      this.text === undefined ? 'the processors were never all idle' : `"${this.text}" never appeared on the console`;
    return `the VMM was never started: ${why}`;
  }
}
