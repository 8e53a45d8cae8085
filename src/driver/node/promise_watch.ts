// SPDX-License-Identifier: LGPL-2.1-only
import { promiseHooks } from 'node:v8';
import { LeftOverTaskError } from '../../vmm/errors.js';
import { whoRuns, type HandlerTrace } from '../../vmm/exit/handler_trace.js';

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
    const { trace } = this;
    const who = trace && whoRuns(trace);
    if (who === undefined || trace!.leftOver !== undefined) return;
    // Its stack names the line of the user's file.
    const error = new LeftOverTaskError(
      `${who} made a Promise, or called an async function, which does: what follows it would run at another moment in each run; do the work at once`,
    );
    trace!.leftOver = { handler: trace!.words[0]!, error };
  }
}
