// SPDX-License-Identifier: LGPL-2.1-only
import type { TextSink } from './text_sink.js';

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** The guest's console on a stream. It knows whether the last line is complete, so that a report can begin on a new line. */
export class GuestConsole {
  private atLineStart = true;

  /** @param newline what ends an open line: a raw terminal wants a carriage return too */
  constructor(
    private readonly sink: TextSink,
    private readonly newline = '\n',
  ) {}

  /** @param written called once the bytes have left this process. */
  write(bytes: Uint8Array, written?: () => void): void {
    if (bytes.length === 0) return;
    this.sink.write(bytes, written);
    const last = bytes[bytes.length - 1];
    this.atLineStart = last === NEWLINE || (last === CARRIAGE_RETURN && this.atLineStart);
  }

  end(): void {
    if (!this.atLineStart) this.sink.write(this.newline);
    this.atLineStart = true;
  }
}
