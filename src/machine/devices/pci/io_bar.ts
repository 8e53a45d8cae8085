// SPDX-License-Identifier: LGPL-2.1-only
import type { IoBus, MovableRange, PortHandler } from '../io_bus.js';
import type { ConfigSpace } from './config_space.js';
import { baseAddressRegister, PciCommand } from './pci_registers.js';

/** Bit 0 of a base address register for ports. */
const IO_SPACE = 0x1;
const PORTS = 0x10000;

/** What a base address register for ports asks for. */
export interface IoBarOptions {
  /** The register's number. */
  readonly index: number;
  /** How many ports: a power of two from 4 to 256. */
  readonly bytes: number;
  /** Ports count from the first one of the range. */
  readonly handler: PortHandler;
}

/**
 * A base address register for ports. Software learns the size by writing ones, as it does with `MemoryBar`. The processor has 65536 ports; a range
 * that software puts beyond them is on no bus. PCI Local Bus Specification 3.0, "Base Addresses".
 */
export class IoBar {
  readonly bytes: number;
  /** The bit of the command register that maps the range. */
  readonly decodedBy = PciCommand.Io;
  private readonly range: MovableRange;

  constructor(
    private readonly config: ConfigSpace,
    bus: IoBus,
    private readonly options: IoBarOptions,
  ) {
    const { index, bytes, handler } = options;
    this.bytes = bytes;
    config.define(baseAddressRegister(index), IO_SPACE, -bytes >>> 0);
    this.range = bus.movablePorts(bytes, handler);
  }

  /** Where software has put it. */
  get address(): number {
    return (this.config.get(baseAddressRegister(this.options.index)) & -this.bytes) >>> 0;
  }

  /** @param address a multiple of its size */
  set address(address: number) {
    this.config.write(baseAddressRegister(this.options.index).offset, 4, address);
  }

  /** Maps the range where the register says, or takes it off the bus. */
  update(isDecoded: boolean): void {
    this.range.moveTo(isDecoded && this.address < PORTS ? this.address : undefined);
  }
}
