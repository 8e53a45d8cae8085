// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** The system does not give the machine its memory. */
export class MemoryError extends BareflankError {}
