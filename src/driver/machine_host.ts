// SPDX-License-Identifier: LGPL-2.1-only
import type { SerialSettings } from '../vmm/serial/serial_port.js';

/** An implementation of one intrinsics interface. */
export interface IntrinsicBinding {
  readonly symbol: symbol;
  readonly value: unknown;
}

/** Memory of the driver's that its own page table maps, for the data of a VMCALL. */
export interface DriverBuffer {
  /** Guest-virtual address in the driver's context. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: number;
  write(bytes: Uint8Array): void;
  read(length: number): Uint8Array;
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
  /** For VMCALLs that carry data; without them there are none. */
  readonly vmcallBuffers?: { readonly input: DriverBuffer; readonly output: DriverBuffer };
}
