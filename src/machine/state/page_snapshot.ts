// SPDX-License-Identifier: LGPL-2.1-only
import type { MemoryHash } from '../state_hash.js';

/** Bytes of a page. */
export const PAGE_BYTES = 4096;

/** Some pages of a memory. */
export interface PageContents {
  /** Their numbers, each once, in order. */
  readonly numbers: Uint32Array;
  /** Their bytes, one page after the other. */
  readonly bytes: Uint8Array;
}

/** The memory of a machine in a snapshot: its pages that are not zero. */
export class PageSnapshot {
  /**
   * @param memory guest RAM and carve-out.
   * @param dirty one byte a page: 1 = written since the hash last looked.
   * @param hash knows which pages are not zero.
   */
  constructor(
    private readonly memory: Uint8Array,
    private readonly dirty: Uint8Array,
    private readonly hash: MemoryHash,
  ) {}

  save(): PageContents {
    this.hash.digest();
    const numbers = this.hash.pagesInUse();
    const bytes = new Uint8Array(numbers.length * PAGE_BYTES);
    numbers.forEach((number, i) => bytes.set(this.page(number), i * PAGE_BYTES));
    return { numbers, bytes };
  }

  /** Makes all other pages zero. What was decoded must be forgotten, and no TLB may hold a write tag. */
  restore({ numbers, bytes }: PageContents): void {
    this.clear(numbers);
    numbers.forEach((number, i) => {
      this.page(number).set(bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES));
      this.dirty[number] = 1;
    });
  }

  private clear(kept: Uint32Array): void {
    const stays = new Uint8Array(this.dirty.length);
    for (const number of kept) stays[number] = 1;
    for (const number of this.hash.pagesWritten()) {
      if (stays[number] === 1) continue;
      this.page(number).fill(0);
      this.dirty[number] = 1;
    }
  }

  private page(number: number): Uint8Array {
    return this.memory.subarray(number * PAGE_BYTES, (number + 1) * PAGE_BYTES);
  }
}
