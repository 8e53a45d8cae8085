// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** A file of symbols cannot be used. */
export class SymbolFileError extends BareflankError {}
