// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** The command line asks for something impossible. `bfm` prints the message, points to `--help` and returns 2. */
export class UsageError extends BareflankError {
  /** An option with an impossible value: `--memory 4T: …`. @param advice what to do, if `expected` does not say it. */
  static ofOption(option: string, found: string, expected: string, advice?: string): UsageError {
    const details = { where: option, found, expected, ...(advice !== undefined && { advice }) };
    const message = `${option} ${found === '' ? "''" : found}: it must be ${expected}${advice === undefined ? '' : `; ${advice}`}`;
    return new UsageError(message, { details });
  }
}
