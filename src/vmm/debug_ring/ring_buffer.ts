// SPDX-License-Identifier: LGPL-2.1-only
import { DebugRingTag } from './debug_ring.js';
import { decodeUtf8, encodeUtf8 } from '../support/text.js';

const headerBytes = 24;
const tagBytes = 8;
const endOffset = 0;
const startOffset = 8;
const tagOffset = 16;

/** The memory of an empty ring: positions, tag, `size` bytes, tag. */
export function emptyRing(size: number): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(headerBytes + size + tagBytes);
  const view = new DataView(memory.buffer);
  view.setBigUint64(tagOffset, DebugRingTag.tag1, true);
  view.setBigUint64(headerBytes + size, DebugRingTag.tag2, true);
  return memory;
}

/** The strings in a ring's memory. Both positions only grow; their remainder by the size is the place in the buffer. */
export class RingBuffer {
  private readonly positions: DataView;
  private readonly buffer: Uint8Array;

  /** @param memory of `emptyRing`, or of a ring that was in use. */
  constructor(memory: Uint8Array) {
    this.positions = new DataView(memory.buffer, memory.byteOffset, headerBytes);
    this.buffer = memory.subarray(headerBytes, memory.length - tagBytes);
    const [start, end] = [this.position(startOffset), this.position(endOffset)];
    // A damaged snapshot may have anything there. Nothing could be written or read for ever.
    if (!Number.isSafeInteger(end) || start > end || end - start > this.buffer.length) this.empty();
  }

  private empty(): void {
    this.buffer.fill(0);
    this.positions.setBigUint64(endOffset, 0n, true);
    this.positions.setBigUint64(startOffset, 0n, true);
  }

  write(text: string): void {
    const bytes = encodeUtf8(text);
    const { buffer } = this;
    const size = buffer.length;
    if (bytes.length === 0 || bytes.length >= size) return;
    let end = this.position(endOffset);
    const start = this.roomFor(end, bytes.length + 1);
    for (const byte of bytes) buffer[end++ % size] = byte;
    buffer[end++ % size] = 0;
    this.positions.setBigUint64(endOffset, BigInt(end), true);
    this.positions.setBigUint64(startOffset, BigInt(start), true);
  }

  read(): string {
    const { buffer } = this;
    const [start, end] = [this.position(startOffset), this.position(endOffset)];
    const bytes = new Uint8Array(end - start);
    let count = 0;
    for (let at = start; at < end; at++) {
      const byte = buffer[at % buffer.length]!;
      if (byte !== 0) bytes[count++] = byte;
    }
    return decodeUtf8(bytes.subarray(0, count));
  }

  private position(offset: number): number {
    return Number(this.positions.getBigUint64(offset, true));
  }

  /** Where the ring begins once the oldest strings are dropped. */
  private roomFor(end: number, bytes: number): number {
    const { buffer } = this;
    let start = this.position(startOffset);
    while (end - start + bytes > buffer.length) {
      while (start < end && buffer[start % buffer.length] !== 0) start++;
      // Only damage leaves a string without an end.
      if (start < end) start++;
    }
    return start;
  }
}
