// SPDX-License-Identifier: LGPL-2.1-only
import { stripVTControlCharacters } from 'node:util';
import { ForeignFrames } from '../../driver/node/user_frames.js';
import type { TextSink } from './text_sink.js';

const NEWLINE = 10;
/** A line without an end is shown in pieces of this many characters. */
const LONGEST_LINE = 65536;

/**
 * Puts `vmm: ` before each line of the VMM's own serial port, and keeps those lines apart from the guest's. If a part threw, its author
 * sees the frames of that part's code, not those of the framework.
 */
export class VmmLines {
  private readonly decoder = new TextDecoder();
  private readonly frames = new ForeignFrames();
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

  /** @param written called once all that can be shown has left this process. */
  write(bytes: Uint8Array, written: () => void = () => {}): void {
    this.rest += this.decoder.decode(bytes, { stream: true });
    const lines = this.rest.split('\n');
    this.rest = lines.pop()!;
    for (; this.rest.length > LONGEST_LINE; this.rest = this.rest.slice(LONGEST_LINE))
      lines.push(this.rest.slice(0, LONGEST_LINE));
    const text = lines.map((line) => this.shown(line.replace(/\r$/, ''))).join('');
    if (text === '') written();
    else this.sink.write(text, written);
  }

  private shown(line: string): string {
    if (this.frames.isNext(line) && !this.withTrace) return '';
    return `vmm: ${this.withColours ? line : stripVTControlCharacters(line)}\n`;
  }

  /** Shows a last line without an end too. */
  end(): void {
    if (this.rest !== '') this.write(Uint8Array.of(NEWLINE));
  }
}
