// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** An image cannot be booted; the message says what it is, what was wanted and what to try. */
export class BootError extends BareflankError {}
