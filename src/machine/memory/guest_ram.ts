// SPDX-License-Identifier: LGPL-2.1-only
import type { AbsentPages } from './absent_pages.js';
import type { MemoryWriter } from './memory_writer.js';

/** Guest RAM as loaders and devices write it: addresses are physical and begin at 0, and the VMM's memory is out of reach. */
export interface GuestRam {
  /** Bytes of RAM. */
  readonly length: number;
  /** @throws RangeError for bytes beyond the end. */
  set(bytes: ArrayLike<number>, address: number): void;
  /** Fills from `start` up to, not including, `end`. */
  fill(byte: number, start: number, end: number): unknown;
}

/** Guest RAM as devices read and write it, each access checked. */
export interface DeviceRam extends GuestRam {
  /** A copy of the bytes from `start` up to, not including, `end`. @throws RangeError for bytes beyond the end. */
  slice(start: number, end: number): Uint8Array;
}

/** The machine's RAM as a `DeviceRam`. */
export class MachineRam implements DeviceRam {
  /** @param origin byte offset of physical address 0 in the machine's memory. */
  constructor(
    private readonly writer: MemoryWriter,
    private readonly origin: number,
    readonly length: number,
    private readonly absent: AbsentPages,
  ) {}

  set(bytes: ArrayLike<number>, address: number): void {
    this.check(address, address + bytes.length);
    this.writer.write(this.origin + address, bytes);
  }

  slice(start: number, end: number): Uint8Array {
    this.check(start, end);
    return this.writer.copy(this.origin + start, end - start);
  }

  fill(byte: number, start: number, end: number): void {
    this.check(start, end);
    this.writer.fill(this.origin + start, byte, end - start);
  }

  /** The range is RAM, and its contents are there. @throws RangeError */
  private check(start: number, end: number): void {
    if (start >= 0 && start <= end && end <= this.length) return this.absent.provideRange(start, end);
    throw new RangeError(
      `physical memory 0x${start.toString(16)} to 0x${end.toString(16)}: RAM ends at 0x${this.length.toString(16)}`,
    );
  }
}
