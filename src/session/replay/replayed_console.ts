// SPDX-License-Identifier: LGPL-2.1-only
import type { ByteSink } from '../session_ports.js';
import { TextMatcher } from '../text_matcher.js';
import { ConsoleLog } from './console_log.js';

/** Where the consoles of a replay are. */
export interface ConsolePlace {
  /** Bytes of the guest's console. */
  readonly length: number;
  /** Bytes of the VMM's serial port. */
  readonly vmm: number;
  /** Of the text that ended the recorded run. */
  readonly matched: number;
}

/** The consoles of a replay that goes back and forth: each byte is shown once, and texts are found. */
export class ReplayedConsole {
  private readonly log = new ConsoleLog();
  private readonly vmmLog = new ConsoleLog(0);
  private readonly ending: TextMatcher | undefined;
  private wanted: { push(byte: number): boolean } | undefined;
  private isThere = false;
  private ended = false;

  /** @param until the text that ended the recorded run */
  constructor(until: string | undefined) {
    this.ending = until === undefined ? undefined : new TextMatcher(until);
  }

  /** Shows what is new of the guest's console. */
  guestTo(sink: ByteSink): ByteSink {
    return newOf(this.log, sink);
  }

  /** The same of the VMM's serial port. */
  vmmTo(sink: ByteSink): ByteSink {
    return newOf(this.vmmLog, sink);
  }

  /** For the session: a byte of the guest's console. @returns whether the run must stop */
  push(byte: number): boolean {
    if (this.wanted?.push(byte) === true) this.isThere = true;
    if (this.ending?.push(byte) === true) this.ended = true;
    return this.ended || this.isThere;
  }

  /** Whether the text has come that ended the recorded run. */
  get hasEnded(): boolean {
    return this.ended;
  }

  /** Whether the text that is looked for has come. */
  get isTextThere(): boolean {
    return this.isThere;
  }

  /** Whether a run that goes on from a place comes to the first occurrence of a text. */
  isBefore(text: string, length: number): boolean {
    return length < (this.log.endOf(text) ?? this.log.searchable + 1);
  }

  /** Precondition: the present place is before the text. @param text undefined: no text is looked for */
  lookFor(text: string | undefined): void {
    this.isThere = false;
    this.wanted = text === undefined ? undefined : this.matcherOf(text);
  }

  private matcherOf(text: string): { push(byte: number): boolean } {
    const end = this.log.endOf(text);
    if (end === undefined) return this.log.matcherAt(this.log.length, text);
    return { push: () => this.log.length >= end };
  }

  save(): ConsolePlace {
    return { length: this.log.length, vmm: this.vmmLog.length, matched: this.ending?.matched ?? 0 };
  }

  /** The run went to another moment, before its end. */
  restore({ length, vmm, matched }: ConsolePlace): void {
    this.log.goTo(length);
    this.vmmLog.goTo(vmm);
    this.ended = false;
    if (this.ending !== undefined) this.ending.matched = matched;
  }
}

const newOf = (log: ConsoleLog, sink: ByteSink): ByteSink => ({
  push: (byte) => {
    if (log.push(byte)) sink.push(byte);
  },
  flush: () => sink.flush(),
});
