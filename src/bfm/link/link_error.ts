// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** A link of the page cannot be read, or its run cannot be made here. */
export class LinkError extends BareflankError {}
