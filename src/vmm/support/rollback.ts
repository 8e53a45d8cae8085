// SPDX-License-Identifier: LGPL-2.1-only

/** Steps to undo if what follows them fails, last first. A step that throws does not keep the others from running. */
export class Rollback {
  private readonly steps: (() => void)[] = [];

  /** Remembers how to undo what was just done. */
  onFailure(undo: () => void): void {
    this.steps.push(undo);
  }

  /** Runs `body`; if it throws, undoes and throws the same error. */
  run<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      this.undo();
      throw error;
    }
  }

  private undo(): void {
    for (const step of this.steps.reverse()) {
      try {
        step();
      } catch {
        // The error that led here is the one to report.
      }
    }
  }
}

/** Runs `body(rollback)`; on an exception the steps that it registered run in reverse. */
export function withRollback<T>(body: (rollback: Rollback) => T): T {
  const rollback = new Rollback();
  return rollback.run(() => body(rollback));
}
