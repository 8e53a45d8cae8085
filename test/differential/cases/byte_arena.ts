// SPDX-License-Identifier: LGPL-2.1-only

const CHUNK_BYTES = 1 << 16;

/**
 * Zeroed bytes for the arrays of cases and results. V8 allocates each typed array of more than 64 bytes outside its heap, which costs more than the
 * array's contents; these arrays are parts of large ones. A part keeps its whole chunk alive.
 */
export class ByteArena {
  private chunk = new ArrayBuffer(CHUNK_BYTES);
  private used = 0;

  /** New bytes. @param length a multiple of 8, at most 64 KiB. */
  bytes(length: number): Uint8Array {
    const at = this.reserve(length);
    return new Uint8Array(this.chunk, at, length);
  }

  /** New words of 32 bits. @param length an even number, at most 16 Ki. */
  words(length: number): Uint32Array {
    const at = this.reserve(4 * length);
    return new Uint32Array(this.chunk, at, length);
  }

  /** A copy of words. */
  copyOfWords(words: Uint32Array): Uint32Array {
    const copy = this.words(words.length);
    copy.set(words);
    return copy;
  }

  /** The place of new bytes in the chunk, which may be a new one. */
  private reserve(length: number): number {
    if (length % 8 !== 0 || length > CHUNK_BYTES)
      throw new RangeError(`${length} bytes: wanted a multiple of 8, at most ${CHUNK_BYTES}`);
    if (this.used + length > CHUNK_BYTES) {
      this.chunk = new ArrayBuffer(CHUNK_BYTES);
      this.used = 0;
    }
    const at = this.used;
    this.used += length;
    return at;
  }
}
