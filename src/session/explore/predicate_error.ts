// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** A predicate threw, or answered with something that is no answer. */
export class PredicateError extends BareflankError {}
