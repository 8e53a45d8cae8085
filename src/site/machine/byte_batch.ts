// SPDX-License-Identifier: LGPL-2.1-only
import type { ByteSink } from '../../session/session_ports.js';

/** Collects the bytes of a serial port, so that many of them travel in one message. */
export class ByteBatch implements ByteSink {
  private bytes: number[] = [];

  constructor(private readonly send: (bytes: Uint8Array) => void) {}

  push(byte: number): void {
    this.bytes.push(byte);
  }

  /** A quantum has ended. The batch goes out when its owner says so, since a quantum is far shorter than a frame of the screen. */
  flush(): void {}

  /** Sends what was collected. */
  sendAll(): void {
    if (this.bytes.length === 0) return;
    this.send(Uint8Array.from(this.bytes));
    this.bytes = [];
  }
}
