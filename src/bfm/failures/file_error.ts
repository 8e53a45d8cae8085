// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** A file that the command line names is missing or cannot be read. */
export class FileError extends BareflankError {}
