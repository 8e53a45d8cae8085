// SPDX-License-Identifier: LGPL-2.1-only
import type { ExitHistory } from './exit_history.js';
import type { ExitSink, ExitTimer } from './exit_sink.js';
import { exitReasons } from './processor_counters.js';

/** Handlers with a count of their own; the others have none. */
const HANDLERS = 256;

/** VM exits of one basic reason that one handler has handled. */
export interface CountedExits {
  readonly reason: number;
  /** 1 + the place of its name, 0 for none. */
  readonly handler: number;
  readonly count: number;
  /** Milliseconds of the host's time that the VMM took for them. */
  readonly hostTime: number;
}

/** VM exits by basic reason and handler. Adding one allocates nothing. */
export class ExitCounts implements ExitSink, ExitTimer {
  private readonly counts = new Float64Array(exitReasons * HANDLERS);
  private readonly times = new Float64Array(exitReasons * HANDLERS);
  /** When the VMM began to handle the present exit; negative: it does not handle one. A word that V8 does not allocate again. */
  private readonly began = Float64Array.of(-1);

  /** @param now the host's time in milliseconds, not negative */
  constructor(private readonly now: () => number) {}

  begin(): void {
    this.began[0] = this.now();
  }

  add(history: ExitHistory): void {
    const place = (history.lastReason & (exitReasons - 1)) * HANDLERS + (history.lastOutcome & (HANDLERS - 1));
    this.counts[place] = this.counts[place]! + 1;
    const began = this.began[0]!;
    if (began < 0) return;
    this.times[place] = this.times[place]! + this.now() - began;
    this.began[0] = -1;
  }

  /** Those that there were. */
  all(): CountedExits[] {
    const { times } = this;
    return [...this.counts].flatMap((count, place) => {
      const [reason, handler] = [Math.floor(place / HANDLERS), place % HANDLERS];
      return count === 0 ? [] : [{ reason, handler, count, hostTime: times[place]! }];
    });
  }
}
