// SPDX-License-Identifier: LGPL-2.1-only
import { randomUUID } from 'node:crypto';

/** A message of one of our workers. Code of extensions runs in the same thread and can post to the same port. */
interface Sealed {
  readonly seal: string;
  readonly message: unknown;
}

/** The main thread's end: distinguishes its own worker's messages from all others. */
export class Seal<M> {
  /** For the worker. */
  readonly text = randomUUID();

  /** @returns undefined for any other message */
  open(received: unknown): M | undefined {
    if (typeof received !== 'object' || received === null) return undefined;
    const { seal, message } = received as Partial<Sealed>;
    return seal === this.text ? (message as M) : undefined;
  }
}

/** The worker's end. @param post of its port */
export function sealing<M>(seal: string, post: (message: unknown) => void): (message: M) => void {
  return (message) => post({ seal, message } satisfies Sealed);
}
