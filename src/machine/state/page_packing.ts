// SPDX-License-Identifier: LGPL-2.1-only
import { PAGE_BYTES } from '../memory/page_contents.js';

/** The shortest repetition that is worth a reference. */
const LEAST = 4;
/** Bits of a hash of that many bytes. */
const HASH_BITS = 12;
/** Knuth's multiplicative hash: 2^32 divided by the golden ratio. */
const HASH_MULTIPLIER = 0x9e3779b1;
/** A page that would take more is not packed. */
const MOST_BYTES = (PAGE_BYTES * 7) / 8;
/** A count of 15 and more goes on in the bytes that follow, as long as they are 255. */
const [COUNT, FURTHER] = [15, 255];

const wordAt = (page: Uint8Array, at: number): number =>
  page[at]! | (page[at + 1]! << 8) | (page[at + 2]! << 16) | (page[at + 3]! << 24);

/**
 * Packs pages in the manner of LZ4: a page is a row of sequences. Each has a byte with two counts of 4 bits, bytes to copy, and a reference to bytes before
 * them in the page (2 bytes: how far back). The last sequence has no reference. A memory of Linux takes half of its size; a page takes 15 µs.
 */
export class PagePacking {
  /** Where four bytes of a hash were last. */
  private readonly places = new Int16Array(1 << HASH_BITS);
  private readonly packed = new Uint8Array(PAGE_BYTES);
  private length = 0;
  private from = 0;

  /** @returns undefined for a page that would not become much smaller */
  pack(page: Uint8Array): Uint8Array | undefined {
    const { places } = this;
    places.fill(-1);
    this.length = 0;
    let [at, copied] = [0, 0];
    while (at <= PAGE_BYTES - LEAST) {
      const word = wordAt(page, at);
      const slot = Math.imul(word, HASH_MULTIPLIER) >>> (32 - HASH_BITS);
      const place = places[slot]!;
      places[slot] = at;
      if (place < 0 || wordAt(page, place) !== word) {
        at++;
        continue;
      }
      let end = at + LEAST;
      while (end < PAGE_BYTES && page[end] === page[end - at + place]) end++;
      if (!this.sequence(page, copied, at, end - at, at - place)) return undefined;
      at = copied = end;
    }
    return this.sequence(page, copied, PAGE_BYTES) ? this.packed.slice(0, this.length) : undefined;
  }

  /** @param into takes the page */
  unpack(packed: Uint8Array, into: Uint8Array): void {
    let to = 0;
    this.from = 0;
    while (this.from < packed.length) {
      const counts = packed[this.from++]!;
      const copied = this.count(packed, counts >>> 4);
      into.set(packed.subarray(this.from, this.from + copied), to);
      this.from += copied;
      to += copied;
      if (this.from >= packed.length) return;
      const back = packed[this.from]! | (packed[this.from + 1]! << 8);
      this.from += 2;
      // The bytes may repeat themselves.
      for (const end = to + LEAST + this.count(packed, counts & COUNT); to < end; to++) into[to] = into[to - back]!;
    }
  }

  /** @param from bytes to copy from here @param to up to here @param repeated so many bytes repeat others @param back so far before. @returns whether there was room */
  private sequence(page: Uint8Array, from: number, to: number, repeated = LEAST, back = 0): boolean {
    const [copied, beyond] = [to - from, repeated - LEAST];
    // With the counts' further bytes, and the reference.
    if (this.length + copied + (copied + beyond) / FURTHER + 5 > MOST_BYTES) return false;
    this.packed[this.length++] = (Math.min(copied, COUNT) << 4) | Math.min(beyond, COUNT);
    this.further(copied);
    this.packed.set(page.subarray(from, to), this.length);
    this.length += copied;
    if (back === 0) return true;
    this.packed[this.length++] = back;
    this.packed[this.length++] = back >>> 8;
    this.further(beyond);
    return true;
  }

  private further(count: number): void {
    if (count < COUNT) return;
    let rest = count - COUNT;
    for (; rest >= FURTHER; rest -= FURTHER) this.packed[this.length++] = FURTHER;
    this.packed[this.length++] = rest;
  }

  private count(packed: Uint8Array, first: number): number {
    if (first < COUNT) return first;
    let [count, next] = [first, FURTHER];
    while (next === FURTHER) count += next = packed[this.from++]!;
    return count;
  }
}
