// SPDX-License-Identifier: LGPL-2.1-only
import type { TextSink } from '../console/text_sink.js';

const KEPT_LINES = 12;

/** Reads a guest's console: keeps its last lines, and counts lines that begin with a text. */
export class ConsoleReader implements TextSink {
  /** How many lines began so. */
  count = 0;
  private lines: string[] = [];
  private open = '';

  /** @param counted how the lines begin that count */
  constructor(private readonly counted: string) {}

  /** The last lines that are complete, without their ends. */
  get lastLines(): readonly string[] {
    return this.lines;
  }

  write(chunk: string | Uint8Array, written?: () => void): void {
    const text = this.open + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1'));
    const lines = text.split(/\r*\n/);
    this.open = lines.pop()!;
    this.count += lines.filter((line) => line.startsWith(this.counted)).length;
    this.lines = [...this.lines, ...lines].slice(-KEPT_LINES);
    written?.();
  }
}
