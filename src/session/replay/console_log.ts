// SPDX-License-Identifier: LGPL-2.1-only
import { TextMatcher } from '../text_matcher.js';

/** Bytes of a console that are kept. */
const MOST_BYTES = 1 << 24;

/** What a guest's console showed in a run that goes back and forth: each byte counts once, at its place in the run. */
export class ConsoleLog {
  private bytes = new Uint8Array(1 << 12);
  private kept = 0;
  /** Where the console is: bytes since power-on. */
  private place = 0;
  /** The furthest that it ever was. */
  private furthest = 0;

  /** @param most bytes that are kept */
  constructor(private readonly most = MOST_BYTES) {}

  /** @returns whether the byte is at a place that the console had not come to before */
  push(byte: number): boolean {
    this.place++;
    if (this.place <= this.furthest) return false;
    this.furthest = this.place;
    if (this.furthest === this.kept + 1 && this.kept < this.most) this.keep(byte);
    return true;
  }

  get length(): number {
    return this.place;
  }

  /** Bytes from power-on on that can be searched. */
  get searchable(): number {
    return this.kept;
  }

  /** The machine went to another moment. */
  goTo(length: number): void {
    this.place = length;
  }

  /** After how many bytes a text was complete for the first time; undefined: not in those that can be searched. */
  endOf(text: string): number | undefined {
    const matcher = new TextMatcher(text);
    for (let at = 0; at < this.kept; at++) if (matcher.push(this.bytes[at]!)) return at + 1;
    return undefined;
  }

  /** A matcher that has seen the first bytes. Precondition: they can be searched. */
  matcherAt(length: number, text: string): TextMatcher {
    const matcher = new TextMatcher(text);
    for (let at = 0; at < length; at++) matcher.push(this.bytes[at]!);
    return matcher;
  }

  private keep(byte: number): void {
    if (this.kept === this.bytes.length) {
      const longer = new Uint8Array(2 * this.bytes.length);
      longer.set(this.bytes);
      this.bytes = longer;
    }
    this.bytes[this.kept++] = byte;
  }
}
