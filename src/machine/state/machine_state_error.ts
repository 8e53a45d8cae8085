// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** A machine cannot be saved now, or a state does not belong to the machine that is to take it. */
export class MachineStateError extends BareflankError {}
