// SPDX-License-Identifier: LGPL-2.1-only
import type { DeviceRam } from '../../memory/guest_ram.js';
import { DriverFault } from './driver_fault.js';

/** A piece of guest memory. */
export interface Segment {
  readonly address: number;
  readonly bytes: number;
}

/** Guest memory in pieces, as one stream of bytes. */
export class SegmentStream {
  /** Bytes written so far. */
  written = 0;
  private index = 0;
  private offset = 0;

  constructor(
    private readonly ram: DeviceRam,
    private readonly segments: readonly Segment[],
  ) {}

  /** Bytes that are left. */
  get left(): number {
    return this.segments.slice(this.index).reduce((sum, { bytes }) => sum + bytes, 0) - this.offset;
  }

  /** @throws DriverFault if there are fewer bytes */
  read(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    this.advance(count, (address, from, part) => bytes.set(this.ram.slice(address, address + part), from));
    return bytes;
  }

  /** @throws DriverFault if there is less room */
  write(bytes: Uint8Array): void {
    this.advance(bytes.length, (address, from, part) => this.ram.set(bytes.subarray(from, from + part), address));
    this.written += bytes.length;
  }

  /** Leaves the next bytes as they are. */
  skip(count: number): void {
    this.advance(count, () => {});
  }

  /** Visits the next `count` bytes, piece by piece. */
  private advance(count: number, visit: (address: number, from: number, bytes: number) => void): void {
    for (let done = 0; done < count;) {
      const segment = this.segments[this.index];
      if (segment === undefined) throw new DriverFault(`a request ends after ${done} of ${count} bytes`);
      const bytes = Math.min(count - done, segment.bytes - this.offset);
      visit(segment.address + this.offset, done, bytes);
      done += bytes;
      this.offset += bytes;
      if (this.offset === segment.bytes) {
        this.index++;
        this.offset = 0;
      }
    }
  }
}
