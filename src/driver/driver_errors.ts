// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError, type ErrorOptions } from '../intrinsics/errors.js';

/** A call that the driver's state does not allow. */
export class DriverStateError extends BareflankError {}

/** A list of modules that cannot be read: no file, no JSON, the wrong shape. */
export class ModuleListError extends BareflankError {}

/** A module that cannot be loaded: no file, a syntax error, an exception while it is evaluated, no modules among its exports. */
export class ModuleFileError extends BareflankError {
  constructor(
    message: string,
    /** The file that is at fault. */
    readonly file: string,
    options: ErrorOptions = {},
  ) {
    super(message, options);
  }
}

/** The VMM could not be started or stopped. */
export class DriverError extends BareflankError {}
