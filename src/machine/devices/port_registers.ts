// SPDX-License-Identifier: LGPL-2.1-only
import type { AccessSize } from './device.js';
import type { IoBus, PortHandler, PortWidth } from './io_bus.js';

/** A register that programs reach by a port, or by some ports in a row. */
export interface PortRegister {
  readonly port: number;
  /** How many ports it has. The default is 1. */
  readonly ports?: number;
  /** The default is `bytes`. */
  readonly width?: PortWidth;
  /** The value. Without this function, it reads as all ones, as an undriven bus does. */
  readonly read?: (size: AccessSize, port: number) => number;
  /** Takes a value. Without this function, writes have no effect. */
  readonly write?: (value: number, size: AccessSize, port: number) => void;
}

function handlerOf({ read, write }: PortRegister): PortHandler {
  return {
    readPort: (port, size) => read?.(size, port) ?? 0xffffffff,
    writePort: (port, size, value) => write?.(value, size, port),
  };
}

/** Puts the registers of a device on the bus. @throws BusConflictError if another device has one of the ports */
export function claimRegisters(bus: IoBus, registers: readonly PortRegister[]): void {
  for (const register of registers)
    bus.claimPorts(register.port, register.ports ?? 1, handlerOf(register), register.width);
}
