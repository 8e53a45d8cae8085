// SPDX-License-Identifier: LGPL-2.1-only
import { spawnSync } from 'node:child_process';
import type { ReadStream } from 'node:tty';
import { TerminalEscapes } from './terminal_escapes.js';

/**
 * Node's raw mode leaves ONLCR on, with which the terminal's driver puts a carriage return before each line feed. `setRawMode(false)` restores
 * it with the rest. A system without stty keeps it.
 */
function leaveOutputUnchanged(): void {
  spawnSync('stty', ['-onlcr'], { stdio: ['inherit', 'ignore', 'ignore'] });
}

/** The terminal as the guest's console: raw while it is open, and restored afterwards, however the process ends. */
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
    leaveOutputUnchanged();
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
