// SPDX-License-Identifier: LGPL-2.1-only

/** Where text goes: a subset of Node's writable streams. */
export interface TextSink {
  write(chunk: string | Uint8Array): unknown;
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

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

/** The guest's console on a stream. Knows whether the last line is complete, so that a report can begin on a line of its own. */
export class GuestConsole {
  private atLineStart = true;

  constructor(private readonly sink: TextSink) {}

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.sink.write(bytes);
    const last = bytes[bytes.length - 1];
    this.atLineStart = last === NEWLINE || (last === CARRIAGE_RETURN && this.atLineStart);
  }

  end(): void {
    if (!this.atLineStart) this.sink.write('\n');
    this.atLineStart = true;
  }
}
