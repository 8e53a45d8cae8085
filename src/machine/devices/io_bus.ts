// SPDX-License-Identifier: LGPL-2.1-only
import { BusConflictError } from './bus_conflict_error.js';
import type { AccessSize } from './device.js';

/** What a device does on an access to one of its ports. Values are unsigned and as wide as `size`. */
export interface PortHandler {
  readPort(port: number, size: AccessSize): number;
  writePort(port: number, size: AccessSize, value: number): void;
}

/** What a device does on an access to its memory-mapped registers. `offset` counts from the start of the device's range. */
export interface MmioHandler {
  readMmio(offset: number, size: AccessSize): number;
  writeMmio(offset: number, size: AccessSize, value: number): void;
}

/** Whether a device handles accesses of any width, or has 8-bit ports, several of which a wider access reaches. */
export type PortWidth = 'bytes' | 'any';

/** A range of physical addresses or of ports that can be moved while the machine runs. */
export interface MovableRange {
  /** @param first where it begins from now on; undefined takes it off the bus. Where two ranges overlap, the one that was made first answers. */
  moveTo(first: number | undefined): void;
}

interface PortRange {
  first: number;
  readonly size: number;
  readonly handler: PortHandler;
}

interface MmioRange {
  first: number;
  readonly size: number;
  readonly handler: MmioHandler;
}

const ALL_ONES: Record<AccessSize, number> = { 1: 0xff, 2: 0xffff, 4: 0xffffffff };

/**
 * The port and memory-mapped I/O space. An address that no device claims reads as all ones and ignores writes, as an undriven bus of a PC does.
 */
export class IoBus {
  private readonly handlers: (PortHandler | undefined)[] = new Array<PortHandler | undefined>(0x10000).fill(undefined);
  private readonly byteWide = new Uint8Array(0x10000);
  private readonly ranges: MmioRange[] = [];
  private readonly portRanges: PortRange[] = [];

  /** Gives `count` ports from `first` to a device. @throws BusConflictError if one of them is taken. */
  claimPorts(first: number, count: number, handler: PortHandler, width: PortWidth = 'bytes'): void {
    for (let port = first; port < first + count; port++) {
      if (this.handlers[port] !== undefined) throw new BusConflictError(`port 0x${port.toString(16)} has two devices`);
      this.handlers[port] = handler;
      this.byteWide[port] = width === 'bytes' ? 1 : 0;
    }
  }

  /**
   * Gives `size` bytes of physical address space from `first` to a device.
   * @throws BusConflictError if the ranges overlap.
   */
  claimMemory(first: number, size: number, handler: MmioHandler): void {
    const clash = this.ranges.find((range) => first < range.first + range.size && range.first < first + size);
    if (clash !== undefined) throw new BusConflictError(`physical address 0x${first.toString(16)} has two devices`);
    this.ranges.push({ first, size, handler });
  }

  /** Makes a range of `size` bytes that is not on the bus yet. Software decides where it goes. */
  movableMemory(size: number, handler: MmioHandler): MovableRange {
    const range = { first: Infinity, size, handler };
    this.ranges.push(range);
    return {
      moveTo: (first) => {
        range.first = first ?? Infinity;
      },
    };
  }

  /**
   * Makes a range of `size` ports that is not on the bus yet. Software decides where it goes; a port that a device has claimed stays that device's.
   *
   * @param handler its ports count from the first one of the range. It handles accesses of any width.
   */
  movablePorts(size: number, handler: PortHandler): MovableRange {
    const range = { first: Infinity, size, handler };
    this.portRanges.push(range);
    return {
      moveTo: (first) => {
        range.first = first ?? Infinity;
      },
    };
  }

  readPort(port: number, size: AccessSize): number {
    const handler = this.handlers[port];
    const range = handler === undefined ? this.portRangeAt(port, size) : undefined;
    if (range !== undefined) return (range.handler.readPort(port - range.first, size) & ALL_ONES[size]) >>> 0;
    if (size === 1) return handler === undefined ? 0xff : handler.readPort(port, 1) & 0xff;
    if (handler !== undefined && this.byteWide[port] === 0)
      return (handler.readPort(port, size) & ALL_ONES[size]) >>> 0;
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.readPort((port + i) & 0xffff, 1) << (8 * i);
    return value >>> 0;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    const handler = this.handlers[port];
    const range = handler === undefined ? this.portRangeAt(port, size) : undefined;
    if (range !== undefined) {
      range.handler.writePort(port - range.first, size, (value & ALL_ONES[size]) >>> 0);
    } else if (size === 1) {
      handler?.writePort(port, 1, value & 0xff);
    } else if (handler !== undefined && this.byteWide[port] === 0) {
      handler.writePort(port, size, (value & ALL_ONES[size]) >>> 0);
    } else {
      for (let i = 0; i < size; i++) this.writePort((port + i) & 0xffff, 1, (value >>> (8 * i)) & 0xff);
    }
  }

  /** @param address physical; @param size bytes, at most 4. */
  readMemory(address: number, size: AccessSize): number {
    const range = this.rangeAt(address);
    return range === undefined
      ? ALL_ONES[size]
      : (range.handler.readMmio(address - range.first, size) & ALL_ONES[size]) >>> 0;
  }

  /** @param address physical; @param size bytes, at most 4. */
  writeMemory(address: number, size: AccessSize, value: number): void {
    const range = this.rangeAt(address);
    range?.handler.writeMmio(address - range.first, size, (value & ALL_ONES[size]) >>> 0);
  }

  /** The range that has all ports of an access. */
  private portRangeAt(port: number, size: AccessSize): PortRange | undefined {
    for (const range of this.portRanges)
      if (port >= range.first && port + size <= range.first + range.size) return range;
    return undefined;
  }

  private rangeAt(address: number): MmioRange | undefined {
    for (const range of this.ranges) if (address >= range.first && address < range.first + range.size) return range;
    return undefined;
  }
}
