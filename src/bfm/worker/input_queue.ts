// SPDX-License-Identifier: LGPL-2.1-only
import type { RunControl } from './run_control.js';

interface Waiting {
  bytes: Uint8Array;
  readonly taken: () => void;
  readonly lost: (error: Error) => void;
}

/**
 * Input on its way from the main thread into the machine. The guest may read slowly or never. The sender waits for the promise before it sends
 * more, so that nothing is lost and nothing piles up.
 */
export class InputQueue {
  private readonly waiting: Waiting[] = [];
  private waitingBytes = 0;

  /** @param nudge wakes a sleeping worker when there is input. */
  constructor(
    private readonly control: RunControl,
    private readonly nudge: () => void = () => {},
  ) {}

  /** How many bytes still wait for room in the machine. */
  get length(): number {
    return this.waitingBytes;
  }

  /** Types bytes after those that wait. @returns once the last of them is on its way to the guest. */
  type(bytes: Uint8Array): Promise<void> {
    return new Promise((taken, lost) => {
      this.waiting.push({ bytes, taken, lost });
      this.waitingBytes += bytes.length;
      this.feed();
    });
  }

  /** The machine takes nothing more. */
  abandon(error: Error): void {
    for (const { lost } of this.waiting.splice(0)) lost(error);
    this.waitingBytes = 0;
  }

  /** The machine has taken bytes: there is room for more. */
  feed(): void {
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      const count = this.control.type(next.bytes);
      this.waitingBytes -= count;
      next.bytes = next.bytes.subarray(count);
      if (count > 0) this.nudge();
      if (next.bytes.length > 0) return;
      this.waiting.shift();
      next.taken();
    }
  }
}
