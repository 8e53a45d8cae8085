// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../intrinsics/errors.js';

/** The command line asks for something impossible. `bfm` prints the message, points to `--help` and returns 2. */
export class UsageError extends BareflankError {}
