// SPDX-License-Identifier: LGPL-2.1-only
import type { Contribution } from '../container/contribution.js';
import { traceNumber, type HandlerTrace } from '../exit/handler_trace.js';

/**
 * The contributions of one point, for a handler that asks them in turn. The trace names the one that is being asked, so that a watchdog can name a
 * contribution that does not return. If a contribution answers, its name stays there: it has handled the exit.
 */
export class AskedContributions<T extends Contribution> {
  private readonly words: Int32Array;
  private readonly numbers: readonly number[];

  /** @param asker the number of the handler that asks. */
  constructor(
    trace: HandlerTrace,
    private readonly contributions: readonly T[],
    private readonly asker: number,
  ) {
    this.words = trace.words;
    this.numbers = contributions.map(({ name }) => traceNumber(trace, name));
  }

  get length(): number {
    return this.contributions.length;
  }

  at(index: number): T {
    return this.contributions[index]!;
  }

  /** The contribution at `index` is called next. */
  ask(index: number): void {
    this.words[0] = this.numbers[index]!;
  }

  /** The contribution that was asked has not answered: the next one is asked, or the handler goes on itself. */
  pass(): void {
    this.words[0] = this.asker;
  }
}
