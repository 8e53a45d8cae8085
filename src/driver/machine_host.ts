// SPDX-License-Identifier: LGPL-2.1-only
import type { SerialSettings } from '../vmm/serial/serial_port.js';

/** An implementation of one intrinsics interface. */
export interface IntrinsicBinding {
  readonly symbol: symbol;
  readonly value: unknown;
}

/** What the driver needs of a machine. */
export interface MachineHost {
  /** How many logical processors it has. */
  readonly processors: number;
  /** One implementation of each intrinsics interface. */
  readonly intrinsics: readonly IntrinsicBinding[];
  /** The VMM's serial port; COM2 if the machine has nothing to say. */
  readonly serialSettings?: SerialSettings;
  /**
   * Runs `body` on a processor at an instruction boundary, in a ring-0 64-bit context of the driver's; afterwards the processor goes on where
   * it was, in whatever VMX mode it then is.
   */
  inDriverContext<T>(processor: number, body: () => T): T;
}
