// SPDX-License-Identifier: LGPL-2.1-only
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';

/** A file whose reader waits: a thread that reads it synchronously is blocked in a system call. */
export class Fifo {
  private writer: number | undefined;

  /** Makes it at a path where nothing is. */
  constructor(readonly path: string) {
    execFileSync('mkfifo', [path]);
  }

  /** Resolves when somebody reads, who then waits until `release`. */
  async hasReader(): Promise<void> {
    for (;;) {
      try {
        this.writer = openSync(this.path, constants.O_WRONLY | constants.O_NONBLOCK);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  /** The reader finds the end of the file. */
  release(): void {
    if (this.writer !== undefined) closeSync(this.writer);
    this.writer = undefined;
  }
}
