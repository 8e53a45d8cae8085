// SPDX-License-Identifier: LGPL-2.1-only
import { stripVTControlCharacters } from 'node:util';
import type { TextSink } from './text_sink.js';

const NEWLINE = 10;

/** Puts `vmm: ` before each line of the VMM's own serial port, and keeps those lines apart from the guest's. */
export class VmmLines {
  private readonly decoder = new TextDecoder();
  private rest = '';

  /** @param withColours whether colours reach the sink; a file or a pipe wants the bare text. */
  constructor(
    private readonly sink: TextSink,
    private readonly withColours: boolean,
  ) {}

  write(bytes: Uint8Array): void {
    this.rest += this.decoder.decode(bytes, { stream: true });
    const lines = this.rest.split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) this.sink.write(`vmm: ${this.shown(line.replace(/\r$/, ''))}\n`);
  }

  private shown(line: string): string {
    return this.withColours ? line : stripVTControlCharacters(line);
  }

  /** A line that was never ended is shown all the same. */
  end(): void {
    if (this.rest !== '') this.write(Uint8Array.of(NEWLINE));
  }
}
