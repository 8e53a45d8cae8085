// SPDX-License-Identifier: LGPL-2.1-only
import type { PageConsumer } from './memory/page_list.js';

const PAGE_WORDS = 1024;

/** A 64-bit digest as two 32-bit lanes. */
export interface Digest {
  low: number;
  high: number;
}

function mix(hash: number, value: number): number {
  const product = Math.imul(hash ^ value, 0x9e3779b1);
  return product ^ (product >>> 15);
}

/** Digest of 32-bit words. Not for cryptography: it distinguishes runs, but resists no attack. */
export function digestWords(words: Uint32Array, from = 0, count = words.length, seed = 0): Digest {
  let low = 0x243f6a88 ^ seed;
  let high = 0x85a308d3 ^ Math.imul(seed, 0x2545f491);
  for (let i = from; i < from + count; i++) {
    const word = words[i]!;
    low = mix(low, word);
    high = mix(high, word ^ low);
  }
  return { low, high };
}

/** Digest of a text. */
export function digestText(text: string, seed = 0): Digest {
  return digestWords(
    Uint32Array.from(text, (letter) => letter.codePointAt(0)!),
    0,
    text.length,
    seed,
  );
}

/** A digest as 16 hexadecimal digits. */
export function digestToHex({ low, high }: Digest): string {
  const part = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
  return part(high) + part(low);
}

/**
 * The digest of a large memory, kept up to date page by page: each look costs only the pages written since the last one. Pages that
 * were never written are zero and add nothing.
 */
export class MemoryHash {
  private readonly pageLow: Int32Array;
  private readonly pageHigh: Int32Array;
  /** One byte a page: 1 = it was not zero when it was last looked at. */
  private readonly used: Uint8Array;
  private low = 0;
  private high = 0;

  /**
   * @param words the memory, a whole number of pages.
   * @param written its written pages.
   */
  constructor(
    private readonly words: Uint32Array,
    private readonly written: PageConsumer,
  ) {
    const pages = words.length / PAGE_WORDS;
    this.pageLow = new Int32Array(pages);
    this.pageHigh = new Int32Array(pages);
    this.used = new Uint8Array(pages);
  }

  /** Digest of the memory as it is now. */
  digest(): Digest {
    for (const page of this.written.take()) this.update(page);
    return { low: this.low, high: this.high };
  }

  /** The numbers of the pages that were not zero at the last digest. */
  pagesInUse(): Uint32Array {
    return numbersOf(this.used);
  }

  /** The numbers of the pages that may differ from zero now. */
  pagesWritten(): Uint32Array {
    const maybe = this.used.slice();
    for (const page of this.written.peek()) maybe[page] = 1;
    return numbersOf(maybe);
  }

  /** The sum over pages does not depend on the order in which they change. */
  private update(page: number): void {
    const zero = isZero(this.words, page * PAGE_WORDS);
    this.used[page] = zero ? 0 : 1;
    const { low, high } = zero ? { low: 0, high: 0 } : digestWords(this.words, page * PAGE_WORDS, PAGE_WORDS, page + 1);
    this.low = (this.low - this.pageLow[page]! + low) | 0;
    this.high = (this.high - this.pageHigh[page]! + high) | 0;
    this.pageLow[page] = low;
    this.pageHigh[page] = high;
  }
}

/** The numbers of the pages that a map marks. */
function numbersOf(map: Uint8Array): Uint32Array {
  const numbers = new Uint32Array(map.reduce((sum, mark) => sum + mark, 0));
  let next = 0;
  for (let page = map.indexOf(1); page !== -1; page = map.indexOf(1, page + 1)) numbers[next++] = page;
  return numbers;
}

function isZero(words: Uint32Array, from: number): boolean {
  for (let i = from; i < from + PAGE_WORDS; i++) if (words[i] !== 0) return false;
  return true;
}
