// SPDX-License-Identifier: LGPL-2.1-only
import type { SerialSettings } from '../vmm/serial/serial_port.js';
import type { Symbols } from '../vmm/symbols/symbols.js';

/** An implementation of one intrinsics interface. */
export interface IntrinsicBinding {
  readonly symbol: symbol;
  readonly value: unknown;
}

/** Memory of the driver for the data of a VMCALL. The driver's own page table maps it. */
export interface DriverBuffer {
  /** Guest-virtual address in the driver's context. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: number;
  write(bytes: Uint8Array): void;
  read(length: number): Uint8Array;
}

/** What the driver needs from a machine. */
export interface DriverMachine {
  /** How many logical processors it has. */
  readonly processors: number;
  /** One implementation of each intrinsics interface. */
  readonly intrinsics: readonly IntrinsicBinding[];
  /** A word in which the VMM says what the handlers of an exit did: `ExitOutcome`. The machine keeps it with the exit. */
  readonly exitOutcome?: Int32Array;
  /** The names of the guest's code and data. Without them, the VMM knows none. */
  readonly symbols?: Symbols;
  /** The VMM's serial port. The default is COM2. */
  readonly serialSettings?: SerialSettings;
  /**
   * Runs `body` on a processor at an instruction boundary, in the driver's ring-0 64-bit context. Afterwards the processor goes on where it was, in
   * whatever VMX mode it is then.
   */
  inDriverContext<T>(processor: number, body: () => T): T;
  /** The buffers for VMCALLs that carry data. Without buffers there are no such VMCALLs. */
  readonly vmcallBuffers?: { readonly input: DriverBuffer; readonly output: DriverBuffer };
}
