// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../intrinsics/errors.js';

/** The system gives the machine no memory. */
export class MemoryError extends BareflankError {}
