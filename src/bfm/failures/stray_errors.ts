// SPDX-License-Identifier: LGPL-2.1-only
import { userFrames } from '../../driver/node/user_frames.js';
import { StrayError } from './stray_error.js';

/** The error as one of an extension's, if code of an extension took part in it. */
function attributed(error: unknown): unknown {
  if (userFrames(error).length === 0) return error;
  return new StrayError(`an extension failed in a Promise or timer that nobody waits for: ${String(error)}`, {
    causedBy: error,
    details: { advice: 'make the method synchronous, or handle the error where it arises' },
  });
}

/** Promises of code that is not the run's. */
const others = new WeakSet<Promise<unknown>>();

/** A Promise whose rejection is no error of the run: an expression of `bfm eval` made it. */
export function isNoStray(promise: Promise<unknown>): void {
  others.add(promise);
}

/** Collects the uncaught errors of this thread, so that none is lost. */
export class StrayErrors {
  private first: { readonly error: unknown } | undefined;

  /** @param hears called at once with each error */
  constructor(hears: (error: unknown) => void = () => {}) {
    const listener = (error: unknown): void => {
      this.first ??= { error: attributed(error) };
      hears(attributed(error));
    };
    process.on('unhandledRejection', (error, promise) => {
      if (!others.has(promise)) listener(error);
    });
    process.on('uncaughtException', listener);
  }

  /** Waits until all rejections so far are known. @returns the first error, in an object, because the error itself may be undefined */
  async settled(): Promise<{ readonly error: unknown } | undefined> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.first;
  }
}
