// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError, type ErrorOptions } from '../intrinsics/errors.js';

/** A call that the driver's state does not allow. */
export class DriverStateError extends BareflankError {}

/** A list of modules cannot be read: the file is missing, is not JSON, or has the wrong shape. */
export class ModuleListError extends BareflankError {}

/** A module cannot be loaded: the file is missing, has a syntax error, throws while it is evaluated, or exports no module. */
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
