// SPDX-License-Identifier: LGPL-2.1-only
import { LeftOverTaskError } from '../vmm/errors.js';
import { whoRuns, type HandlerTrace } from '../vmm/exit/handler_trace.js';
import { HANDLER_GLOBALS, type HandlerGlobals } from './handler_globals.js';

/** What globals have besides, so that Promises are seen. */
interface PromiseGlobals {
  readonly Promise: PromiseConstructor;
  /** Called when one was made. */
  promiseMade(): void;
}

/** Notes that a Promise was made, if code of the VMM runs. The exit, or what the driver does, then fails with it. */
export function noteLeftOver(trace: HandlerTrace): void {
  const who = whoRuns(trace);
  if (who === undefined || trace.leftOver !== undefined) return;
  // Its stack names the line of the user's file.
  const error = new LeftOverTaskError(
    `${who} made a Promise, or called an async function, which does: what follows it would run at another moment in each run; do the work at once`,
  );
  trace.leftOver = { handler: trace.words[0]!, error };
}

/** A Promise that tells the present globals of handlers when it is made. It is for bundles that run where nothing else sees Promises: in a browser. */
class WatchedPromise<T> extends Promise<T> {
  constructor(executor: ConstructorParameters<typeof Promise<T>>[0]) {
    super(executor);
    const { [HANDLER_GLOBALS]: globals } = globalThis as { readonly [HANDLER_GLOBALS]?: Partial<PromiseGlobals> };
    globals?.promiseMade?.();
  }

  /** For a module it is the only Promise, so those of the host are its instances. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(Promise, value);
  }
}

/** The Promises of bundles that have these globals are those of a VMM from now on, and noted. */
export function watchPromises(globals: HandlerGlobals, trace: HandlerTrace): void {
  const own: PromiseGlobals = { Promise: WatchedPromise, promiseMade: () => noteLeftOver(trace) };
  Object.assign(globals, own);
}
