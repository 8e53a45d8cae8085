// SPDX-License-Identifier: LGPL-2.1-only
import type { AccessSize } from '../device.js';

/** Where a register of a function's configuration space is, in bytes. */
export interface ConfigRegister {
  readonly offset: number;
  readonly size: AccessSize;
}

/** Bytes of a function's configuration space. */
export const CONFIG_BYTES = 0x100;

/** Base address registers of a function with a header of type 0. */
export const BASE_ADDRESS_REGISTERS = 6;

/** The configuration space of a function with a header of type 0. PCI Local Bus Specification 3.0, "Configuration Space Organization". */
export const PciRegister = {
  VendorId: { offset: 0x00, size: 2 },
  DeviceId: { offset: 0x02, size: 2 },
  Command: { offset: 0x04, size: 2 },
  Status: { offset: 0x06, size: 2 },
  /** Revision in bits 7:0; programming interface, subclass and class above. */
  ClassAndRevision: { offset: 0x08, size: 4 },
  CacheLineSize: { offset: 0x0c, size: 1 },
  SubsystemVendorId: { offset: 0x2c, size: 2 },
  SubsystemId: { offset: 0x2e, size: 2 },
  CapabilitiesPointer: { offset: 0x34, size: 1 },
  InterruptLine: { offset: 0x3c, size: 1 },
  InterruptPin: { offset: 0x3d, size: 1 },
} as const satisfies Record<string, ConfigRegister>;

/** Base address register `index`. */
export const baseAddressRegister = (index: number): ConfigRegister => ({ offset: 0x10 + 4 * index, size: 4 });

/** Where capabilities begin: behind the header. */
export const FIRST_CAPABILITY = 0x40;

/** Bits of the command register. */
export const PciCommand = {
  Io: 0x1,
  Memory: 0x2,
  BusMaster: 0x4,
  InterruptDisable: 0x400,
} as const;

/** Bits of the status register. */
export const PciStatus = {
  Interrupt: 0x8,
  CapabilitiesList: 0x10,
} as const;
