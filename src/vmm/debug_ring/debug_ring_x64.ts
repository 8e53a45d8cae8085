// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable, optional } from 'inversify';
import { DebugRingTag } from '../../intrinsics/constants.js';
import { defaultSizes, Sizes } from '../sizes.js';
import { decodeUtf8, encodeUtf8 } from '../support/text.js';
import type { DebugRing } from './debug_ring.js';

const headerBytes = 24;
const tagBytes = 8;

function emptyRing(size: number): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(headerBytes + size + tagBytes);
  const view = new DataView(memory.buffer);
  view.setBigUint64(16, DebugRingTag.tag1, true);
  view.setBigUint64(headerBytes + size, DebugRingTag.tag2, true);
  return memory;
}

/** A ring of 32 KiB, unless `Sizes` says otherwise. Both positions only grow; their remainder by the size is the place in the buffer. */
@injectable()
export class DebugRingX64 implements DebugRing {
  @inject(Sizes) @optional() protected readonly sizes: Sizes = defaultSizes;
  // Made when it is first used: the size is injected after the constructor.
  private made: Uint8Array<ArrayBuffer> | undefined;
  private end = 0;
  private start = 0;

  get memory(): Uint8Array<ArrayBuffer> {
    return (this.made ??= emptyRing(this.sizes.debugRing));
  }

  write(text: string): void {
    const bytes = encodeUtf8(text);
    const size = this.sizes.debugRing;
    if (bytes.length === 0 || bytes.length >= size) return;
    const buffer = this.buffer();
    while (this.end - this.start + bytes.length + 1 > size) this.dropOldest(buffer);
    for (const byte of bytes) buffer[this.end++ % size] = byte;
    buffer[this.end++ % size] = 0;
    const positions = new DataView(this.memory.buffer);
    positions.setBigUint64(0, BigInt(this.end), true);
    positions.setBigUint64(8, BigInt(this.start), true);
  }

  read(): string {
    const buffer = this.buffer();
    const bytes = new Uint8Array(this.end - this.start);
    let count = 0;
    for (let at = this.start; at < this.end; at++) {
      const byte = buffer[at % buffer.length]!;
      if (byte !== 0) bytes[count++] = byte;
    }
    return decodeUtf8(bytes.subarray(0, count));
  }

  private buffer(): Uint8Array {
    return this.memory.subarray(headerBytes, headerBytes + this.sizes.debugRing);
  }

  private dropOldest(buffer: Uint8Array): void {
    while (buffer[this.start % buffer.length] !== 0) this.start++;
    this.start++;
  }
}
