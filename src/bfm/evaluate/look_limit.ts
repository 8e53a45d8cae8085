// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** How long the code of an expression may look at the machine. */
const LONGEST_MILLISECONDS = 2000;

/** A look that has begun gets so much more before code that goes on is ended by force. The watchdog waits longer. */
const GRACE = 3;

/**
 * How long an expression may take. Force ends code anywhere, and no `finally` runs then: a hash of memory that is cut in two would be wrong for ever. So
 * looks at the machine are refused first, each at its beginning, and what still goes on much later is no look.
 */
export class LookLimit {
  private end = Infinity;

  /** @param longest milliseconds for the looks, and for showing the value, which may have code that says how */
  constructor(readonly longest = LONGEST_MILLISECONDS) {}

  /** Milliseconds after which code is ended, wherever it is. */
  get force(): number {
    return this.longest * GRACE;
  }

  /** An expression begins. */
  begin(): void {
    this.end = performance.now() + this.longest;
  }

  /** Each look at the machine begins with this. @throws BareflankError if the expression has taken too long */
  check(): void {
    if (performance.now() > this.end)
      throw new BareflankError(`the expression has looked at the machine for ${this.longest} ms, and may not look on`);
  }
}
