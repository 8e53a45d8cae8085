// SPDX-License-Identifier: LGPL-2.1-only
import { ignoreExceptions } from '../output/guard_exceptions.js';

type Outcome = 'success' | 'failure' | 'either';

interface Step {
  readonly when: Outcome;
  readonly run: () => void;
}

/** Steps to take when a piece of work is over, last first. If a step throws, the other steps still run, and the outcome is still reported. */
export class Rollback {
  private readonly steps: Step[] = [];

  /** Remembers how to undo what was just done. */
  onFailure(undo: () => void): void {
    this.steps.push({ when: 'failure', run: undo });
  }

  /** Remembers what to do if nothing throws. */
  onSuccess(run: () => void): void {
    this.steps.push({ when: 'success', run });
  }

  /** Remembers what to do in any case. */
  finally(run: () => void): void {
    this.steps.push({ when: 'either', run });
  }

  /** Runs `body`, then the steps for its outcome. Throws what `body` threw. */
  run<T>(body: () => T): T {
    let outcome: Outcome = 'failure';
    try {
      const result = body();
      outcome = 'success';
      return result;
    } finally {
      this.end(outcome);
    }
  }

  private end(outcome: Outcome): void {
    for (const { when, run } of this.steps.reverse()) {
      if (when === 'either' || when === outcome) ignoreExceptions(run);
    }
  }
}

/** Runs `body(rollback)`, then the steps that it registered and that fit its outcome, in reverse order. */
export function withRollback<T>(body: (rollback: Rollback) => T): T {
  const rollback = new Rollback();
  return rollback.run(() => body(rollback));
}
