// SPDX-License-Identifier: LGPL-2.1-only
import type { ReadStream } from 'node:tty';

const ESCAPE = 0x01; // Ctrl-A
const LEAVE = 'x'.charCodeAt(0);

/** Tells the escape sequences of the one who types from what the guest shall get: Ctrl-A X leaves, Ctrl-A Ctrl-A types one Ctrl-A. */
export class TerminalEscapes {
  private escaped = false;

  /** @returns the bytes for the guest, and whether the run shall end. */
  decode(bytes: Uint8Array): { readonly forGuest: Uint8Array; readonly leave: boolean } {
    const forGuest: number[] = [];
    let leave = false;
    for (const byte of bytes) {
      if (!this.escaped && byte === ESCAPE) {
        this.escaped = true;
        continue;
      }
      if (this.escaped && (byte | 0x20) === LEAVE) leave = true;
      else forGuest.push(byte);
      this.escaped = false;
    }
    return { forGuest: Uint8Array.from(forGuest), leave };
  }
}

/** The terminal as the guest's console: raw while it is open, as it was before afterwards, however the process ends. */
export class Terminal {
  private readonly escapes = new TerminalEscapes();
  private readonly restore = (): void => void this.stream.setRawMode(false);
  private readonly onData = (bytes: Buffer): void => {
    const { forGuest, leave } = this.escapes.decode(bytes);
    if (forGuest.length > 0) this.onInput(forGuest);
    if (leave) this.onLeave();
  };

  constructor(
    private readonly stream: ReadStream,
    private readonly onInput: (bytes: Uint8Array) => void,
    private readonly onLeave: () => void,
  ) {}

  open(): void {
    process.once('exit', this.restore);
    this.stream.setRawMode(true);
    this.stream.on('data', this.onData);
    this.stream.resume();
  }

  close(): void {
    this.stream.off('data', this.onData);
    this.stream.pause();
    this.restore();
    process.off('exit', this.restore);
  }
}
