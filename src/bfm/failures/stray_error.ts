// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** An extension's code failed outside a call: a Promise was rejected that nobody waits for, or a timer threw. */
export class StrayError extends BareflankError {}
