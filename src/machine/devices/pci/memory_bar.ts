// SPDX-License-Identifier: LGPL-2.1-only
import type { IoBus, MmioHandler, MovableRange } from '../io_bus.js';
import type { ConfigSpace } from './config_space.js';
import { baseAddressRegister, PciCommand } from './pci_registers.js';

/** The address type in bits 2:1 of a memory base address register. */
const TYPE_64_BIT = 0x4;
const ALL_BITS = 0xffffffff;

/** What a base address register asks for. */
export interface MemoryBarOptions {
  /** The register's number; one with 64 bits takes the next register too. */
  readonly index: number;
  /** A power of two, at least 16. */
  readonly bytes: number;
  readonly is64Bit?: boolean;
  readonly handler: MmioHandler;
}

/**
 * A base address register for memory. Software learns the size by writing ones: bits below the size are read-only zeros. The range is mapped
 * while the function decodes memory. PCI Local Bus Specification 3.0, "Base Addresses".
 */
export class MemoryBar {
  readonly bytes: number;
  /** The bit of the command register that maps the range. */
  readonly decodedBy = PciCommand.Memory;
  private readonly range: MovableRange;

  constructor(
    private readonly config: ConfigSpace,
    bus: IoBus,
    private readonly options: MemoryBarOptions,
  ) {
    const { index, bytes, is64Bit, handler } = options;
    this.bytes = bytes;
    config.define(baseAddressRegister(index), is64Bit ? TYPE_64_BIT : 0, -bytes >>> 0);
    if (is64Bit) config.define(baseAddressRegister(index + 1), 0, ALL_BITS);
    this.range = bus.movableMemory(bytes, handler);
  }

  /** Where software has put it. */
  get address(): number {
    const { index, is64Bit } = this.options;
    const low = (this.config.get(baseAddressRegister(index)) & -this.bytes) >>> 0;
    return is64Bit ? low + this.config.get(baseAddressRegister(index + 1)) * 2 ** 32 : low;
  }

  /** Puts it below 4 GiB, as firmware does. @param address a multiple of its size */
  set address(address: number) {
    const { index, is64Bit } = this.options;
    this.config.write(baseAddressRegister(index).offset, 4, address);
    if (is64Bit) this.config.write(baseAddressRegister(index + 1).offset, 4, 0);
  }

  /** Maps the range where the register says, or takes it off the bus. */
  update(isDecoded: boolean): void {
    this.range.moveTo(isDecoded ? this.address : undefined);
  }
}
