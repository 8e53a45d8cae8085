// SPDX-License-Identifier: LGPL-2.1-only
import { stripVTControlCharacters } from 'node:util';
import { isForeignFrame } from '../driver/user_frames.js';
import type { TextSink } from './text_sink.js';

const NEWLINE = 10;

/**
 * Puts `vmm: ` before each line of the VMM's own serial port, and keeps those lines apart from the guest's. Where a part threw, its author
 * sees the frames of his own code, not those of the framework.
 */
export class VmmLines {
  private readonly decoder = new TextDecoder();
  private rest = '';

  /**
   * @param withColours whether colours reach the sink; a file or a pipe wants the bare text.
   * @param withTrace whether the framework's own stack frames are shown.
   */
  constructor(
    private readonly sink: TextSink,
    private readonly withColours: boolean,
    private readonly withTrace = process.env.BFM_TRACE !== undefined,
  ) {}

  write(bytes: Uint8Array): void {
    this.rest += this.decoder.decode(bytes, { stream: true });
    const lines = this.rest.split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) this.show(line.replace(/\r$/, ''));
  }

  private show(line: string): void {
    if (!this.withTrace && isForeignFrame(line)) return;
    this.sink.write(`vmm: ${this.withColours ? line : stripVTControlCharacters(line)}\n`);
  }

  /** A line that was never ended is shown all the same. */
  end(): void {
    if (this.rest !== '') this.write(Uint8Array.of(NEWLINE));
  }
}
