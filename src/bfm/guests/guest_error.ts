// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** A guest of `bfm guest` cannot be made, or the one in the cache cannot be used. */
export class GuestError extends BareflankError {}
