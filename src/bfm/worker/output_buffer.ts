// SPDX-License-Identifier: LGPL-2.1-only
import type { RunControl } from './run_control.js';

const CAPACITY = 4096;

/**
 * Gathers single bytes of a serial port into pieces for another thread. While nobody takes them there, `flush` waits, and so does the whole
 * machine. The guest does not notice, because its time is virtual.
 */
export class OutputBuffer {
  private readonly bytes = new Uint8Array(CAPACITY);
  private count = 0;

  constructor(
    private readonly control: RunControl,
    private readonly send: (bytes: Uint8Array) => void,
  ) {}

  push(byte: number): void {
    this.bytes[this.count++] = byte;
    if (this.count === CAPACITY) this.flush();
  }

  flush(): void {
    const { count } = this;
    if (count === 0) return;
    this.count = 0;
    this.send(this.bytes.slice(0, count));
    this.control.outputSent(count);
  }
}
