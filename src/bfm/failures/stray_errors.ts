// SPDX-License-Identifier: LGPL-2.1-only
import { userFrames } from '../../driver/node/user_frames.js';
import { StrayError } from './stray_error.js';

/** The error as one of an extension's, if code of an extension took part in it. */
function attributed(error: unknown): unknown {
  if (userFrames(error).length === 0) return error;
  return new StrayError(`an extension failed where nobody waits for it: ${String(error)}`, {
    causedBy: error,
    details: { advice: 'make the method synchronous, or handle the error where it arises' },
  });
}

/** Hears of the errors of this thread that nobody catches, so that none is lost. */
export class StrayErrors {
  private first: { readonly error: unknown } | undefined;

  /** @param hears is told each of them at once */
  constructor(hears: (error: unknown) => void = () => {}) {
    const listener = (error: unknown): void => {
      this.first ??= { error: attributed(error) };
      hears(attributed(error));
    };
    process.on('unhandledRejection', listener);
    process.on('uncaughtException', listener);
  }

  /** Waits until what was rejected so far is known. @returns the first error, in an object of its own: it may be undefined itself */
  async settled(): Promise<{ readonly error: unknown } | undefined> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.first;
  }
}
