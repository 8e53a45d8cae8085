// SPDX-License-Identifier: LGPL-2.1-only
import type { ExitHistory } from './exit_history.js';
import type { ExitSink } from './exit_sink.js';
import { exitReasons } from './processor_counters.js';

/** Handlers with a count of their own; the others have none. */
const HANDLERS = 256;

/** VM exits by basic reason and handler. Adding one allocates nothing. */
export class ExitCounts implements ExitSink {
  private readonly counts = new Float64Array(exitReasons * HANDLERS);

  add(history: ExitHistory): void {
    const place = (history.lastReason & (exitReasons - 1)) * HANDLERS + (history.lastOutcome & (HANDLERS - 1));
    this.counts[place] = this.counts[place]! + 1;
  }

  /** Those that there were. @returns basic reason, and the handler's number: 1 + the place of its name, 0 for none */
  all(): { readonly reason: number; readonly handler: number; readonly count: number }[] {
    return [...this.counts].flatMap((count, place) =>
      count === 0 ? [] : [{ reason: Math.floor(place / HANDLERS), handler: place % HANDLERS, count }],
    );
  }
}
