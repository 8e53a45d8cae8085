// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** A recording cannot be written, read, or replayed here. */
export class RecordingError extends BareflankError {}
