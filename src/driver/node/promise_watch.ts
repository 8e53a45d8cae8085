// SPDX-License-Identifier: LGPL-2.1-only
import { promiseHooks } from 'node:v8';
import type { HandlerTrace } from '../../vmm/exit/handler_trace.js';
import { noteLeftOver } from '../watched_promise.js';

/**
 * Sees each Promise that this thread makes, and tells a VMM of those that its own code makes: async functions, `then`, `Promise.resolve`. Nobody waits for
 * them, and what follows them would run at another moment in each run. V8 calls the hook for Promises only: nothing else becomes slower.
 */
export class PromiseWatch {
  private trace: HandlerTrace | undefined;
  private readonly end = promiseHooks.onInit(() => this.made()) as () => void;

  /** Whose code is watched: `DriverOptions.watch`. The last one counts. */
  readonly follow = (trace: HandlerTrace): void => {
    this.trace = trace;
  };

  [Symbol.dispose](): void {
    this.end();
  }

  private made(): void {
    if (this.trace !== undefined) noteLeftOver(this.trace);
  }
}
