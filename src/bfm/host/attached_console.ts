// SPDX-License-Identifier: LGPL-2.1-only
import { CONSOLE, DROPPED, ENDED, VMM } from './host_protocol.js';
import type { HostListener } from './machine_thread.js';

/** Bytes of output that may be on their way to a client. */
const MOST_UNDER_WAY = 1 << 20;

/**
 * A client that is attached to the console. A client that does not read, for instance because it was suspended, neither stops the machine nor makes
 * the host grow. Output is dropped until the client has read what was sent. Then the client gets the number of lost bytes.
 */
export class AttachedConsole implements HostListener {
  private underWay = 0;
  private dropped = 0;

  /** @param send sends a notification; resolves once the socket has taken it or is closed. */
  constructor(
    private readonly send: (method: string, params: object) => Promise<void>,
    private readonly most = MOST_UNDER_WAY,
  ) {}

  console(bytes: Uint8Array): void {
    this.output(CONSOLE, bytes);
  }

  vmm(bytes: Uint8Array): void {
    this.output(VMM, bytes);
  }

  ended(detail: string): void {
    void this.send(ENDED, { detail });
  }

  private output(method: string, bytes: Uint8Array): void {
    if (this.dropped > 0 || this.underWay + bytes.length > this.most) {
      this.dropped += bytes.length;
      return;
    }
    this.underWay += bytes.length;
    void this.send(method, { data: Buffer.from(bytes).toString('base64') }).then(() => {
      this.underWay -= bytes.length;
      if (this.underWay === 0) this.tellOfDropped();
    });
  }

  private tellOfDropped(): void {
    if (this.dropped === 0) return;
    const bytes = this.dropped;
    this.dropped = 0;
    void this.send(DROPPED, { bytes });
  }
}
