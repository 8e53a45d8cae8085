// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import type { Problem } from '../failures/problem.js';

/** The machine's worker could not begin, or ended with an error: `problem`. */
export class RunFailedError extends BareflankError {
  constructor(readonly problem: Problem) {
    super(problem.what);
  }
}
