// SPDX-License-Identifier: LGPL-2.1-only
import type { TextSink } from './text_sink.js';

/** Our own lines for a terminal that adds no carriage return to a line feed, because the guest's bytes must arrive there unchanged. */
export class RawOutput implements TextSink {
  constructor(private readonly sink: TextSink) {}

  write(chunk: string | Uint8Array, written?: () => void): unknown {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    return this.sink.write(text.replace(/\r?\n/g, '\r\n'), written);
  }
}
