// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../../intrinsics/errors.js';

/** The guest's driver broke a rule of the specification, so the device asks to be reset. It never leaves the device. */
export class DriverFault extends BareflankError {}
