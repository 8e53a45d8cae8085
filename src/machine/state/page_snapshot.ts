// SPDX-License-Identifier: LGPL-2.1-only
import { PAGE_BYTES, type PageContents } from '../memory/page_contents.js';
import type { MemoryHash } from '../state_hash.js';

/** Pages in each piece of a memory but the last. */
export const PAGES_IN_PIECE = 1024;

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

  /** In pieces: the pages of a large machine would take a large array. */
  save(): PageContents[] {
    this.hash.digest();
    const all = this.hash.pagesInUse();
    return Array.from({ length: Math.ceil(all.length / PAGES_IN_PIECE) }, (_, piece) =>
      this.piece(all.slice(piece * PAGES_IN_PIECE, (piece + 1) * PAGES_IN_PIECE)),
    );
  }

  private piece(numbers: Uint32Array): PageContents {
    const bytes = new Uint8Array(numbers.length * PAGE_BYTES);
    numbers.forEach((number, i) => bytes.set(this.page(number), i * PAGE_BYTES));
    return { numbers, bytes };
  }

  /** Makes all other pages zero. What was decoded must be forgotten, and no TLB may hold a write tag. */
  restore(pieces: Iterable<PageContents>): void {
    const before = this.hash.pagesWritten();
    const isRestored = new Uint8Array(this.dirty.length);
    for (const piece of pieces) this.copy(piece, isRestored);
    for (const number of before) {
      if (isRestored[number] === 1) continue;
      this.page(number).fill(0);
      this.dirty[number] = 1;
    }
  }

  /** Pages that follow each other are copied at once. */
  private copy({ numbers, bytes }: PageContents, isRestored: Uint8Array): void {
    for (let first = 0; first < numbers.length;) {
      const number = numbers[first]!;
      let next = first + 1;
      while (next < numbers.length && numbers[next] === number + next - first) next++;
      this.memory.set(bytes.subarray(first * PAGE_BYTES, next * PAGE_BYTES), number * PAGE_BYTES);
      this.dirty.fill(1, number, number + next - first);
      isRestored.fill(1, number, number + next - first);
      first = next;
    }
  }

  private page(number: number): Uint8Array {
    return this.memory.subarray(number * PAGE_BYTES, (number + 1) * PAGE_BYTES);
  }
}
