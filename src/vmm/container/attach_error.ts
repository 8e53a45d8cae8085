// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** A part could not rebuild its derived state. */
export class AttachError extends BareflankError {}
