// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** Two devices want the same port or address. */
export class BusConflictError extends BareflankError {}
