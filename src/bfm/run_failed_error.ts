// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../intrinsics/errors.js';

/** The worker ended with an error that is no fault of the machine inside. */
export class RunFailedError extends BareflankError {}
