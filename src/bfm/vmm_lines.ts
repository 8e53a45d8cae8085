// SPDX-License-Identifier: LGPL-2.1-only
import type { TextSink } from './text_sink.js';

const NEWLINE = 10;

/** Puts `vmm: ` before each line of the VMM's own serial port, and keeps those lines apart from the guest's. */
export class VmmLines {
  private readonly decoder = new TextDecoder();
  private rest = '';

  constructor(private readonly sink: TextSink) {}

  write(bytes: Uint8Array): void {
    this.rest += this.decoder.decode(bytes, { stream: true });
    const lines = this.rest.split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) this.sink.write(`vmm: ${line.replace(/\r$/, '')}\n`);
  }

  /** A line that was never ended is shown all the same. */
  end(): void {
    if (this.rest !== '') this.write(Uint8Array.of(NEWLINE));
  }
}
