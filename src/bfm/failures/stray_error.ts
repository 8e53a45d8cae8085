// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** Code of an extension failed at a time at which nobody called it: a Promise was rejected that nobody waits for, or a timer threw. */
export class StrayError extends BareflankError {}
