// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** The name of the machine if none is given. */
export const DEFAULT_MACHINE = 'default';

/** A command that the VMM's state does not allow, or a VMCALL that it refused. */
export class CommandError extends BareflankError {}

/** The machine of this host can do nothing more. */
export class MachineLostError extends BareflankError {}

/** The host answered with an error, or went away. */
export class HostError extends BareflankError {}

/** The host has gone. */
export class HostGoneError extends HostError {}

/** A host of that name runs already. */
export class MachineRunsError extends HostError {
  constructor(machine: string) {
    super(`machine ${machine} runs already; bfm driver_unload ends it, --machine NAME starts another`);
  }
}

/** No host of that name runs. */
export class NoMachineError extends BareflankError {
  constructor(machine: string) {
    super(
      machine === DEFAULT_MACHINE
        ? 'no machine (bfm driver_load starts one)'
        : `no machine ${machine} (bfm driver_load --machine ${machine} starts one)`,
    );
  }
}
