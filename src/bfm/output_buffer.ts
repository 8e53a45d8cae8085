// SPDX-License-Identifier: LGPL-2.1-only

const CAPACITY = 4096;

/** Gathers single bytes of a serial port into pieces worth sending to another thread. */
export class OutputBuffer {
  private readonly bytes = new Uint8Array(CAPACITY);
  private count = 0;

  constructor(private readonly send: (bytes: Uint8Array) => void) {}

  push(byte: number): void {
    this.bytes[this.count++] = byte;
    if (this.count === CAPACITY) this.flush();
  }

  flush(): void {
    if (this.count === 0) return;
    this.send(this.bytes.slice(0, this.count));
    this.count = 0;
  }
}
