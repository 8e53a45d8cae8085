// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import { UsageError } from './usage_error.js';

/** Several faults of one command line. Its message has them all; its name and its details are those of the first. */
export class FaultsError extends BareflankError {
  /** @param faults two or more. */
  constructor(readonly faults: readonly BareflankError[]) {
    const [first, ...others] = faults;
    super([first!.message, ...others.map(({ message }) => `also: ${message}`)].join('\n'), { details: first!.details });
    this.name = first!.name;
  }

  /** Whether one of them is a wrong use of the command line. */
  get isUsage(): boolean {
    return this.faults.some((fault) => fault instanceof UsageError);
  }
}
