// SPDX-License-Identifier: LGPL-2.1-only
import { injectable } from 'inversify';
import { DebugRingTag, Limit } from '../../intrinsics/constants.js';
import { decodeUtf8, encodeUtf8 } from '../support/text.js';
import type { DebugRing } from './debug_ring.js';

const size = Limit.debugRingBytes;
const headerBytes = 24;

function emptyRing(): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(headerBytes + size + 8);
  new BigUint64Array(memory.buffer, 0, 3)[2] = DebugRingTag.tag1;
  new BigUint64Array(memory.buffer, headerBytes + size, 1)[0] = DebugRingTag.tag2;
  return memory;
}

/** A ring of 32 KiB. Both positions only grow; their remainder by the size is the place in the buffer. */
@injectable()
export class DebugRingX64 implements DebugRing {
  readonly memory = emptyRing();
  private readonly words = new BigUint64Array(this.memory.buffer, 0, 3);
  private readonly buffer = this.memory.subarray(headerBytes, headerBytes + size);
  private end = 0;
  private start = 0;

  write(text: string): void {
    const bytes = encodeUtf8(text);
    if (bytes.length === 0 || bytes.length >= size) return;
    while (this.end - this.start + bytes.length + 1 > size) this.dropOldest();
    for (const byte of bytes) this.buffer[this.end++ % size] = byte;
    this.buffer[this.end++ % size] = 0;
    this.words[0] = BigInt(this.end);
    this.words[1] = BigInt(this.start);
  }

  read(): string {
    const bytes = new Uint8Array(this.end - this.start);
    let count = 0;
    for (let at = this.start; at < this.end; at++) {
      const byte = this.buffer[at % size]!;
      if (byte !== 0) bytes[count++] = byte;
    }
    return decodeUtf8(bytes.subarray(0, count));
  }

  private dropOldest(): void {
    while (this.buffer[this.start % size] !== 0) this.start++;
    this.start++;
  }
}
