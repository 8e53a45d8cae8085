// SPDX-License-Identifier: LGPL-2.1-only

/** One that wants to know which pages were written. */
export interface PageConsumer {
  /** The pages that were written since the last call. The others still see them. */
  take(): readonly number[];
  /** The same for a caller that replaces the TLBs by others without write tags: the next writes are noticed without more ado. */
  takeUnwatched(): readonly number[];
  /** The pages that the next `take` would give. */
  peek(): readonly number[];
  /** A page of which the consumer must hear, though no flag says so. */
  note(page: number): void;
}

/** The pages that one consumer has yet to take: a mark a page, and a list. */
export class PageList implements PageConsumer {
  private readonly marks: Uint8Array;
  private pages: number[] = [];

  /** @param collect brings in the pages that were written since somebody looked; `watch`: the next writes to them must be noticed. */
  constructor(
    count: number,
    private readonly collect: (watch: boolean) => void,
  ) {
    this.marks = new Uint8Array(count);
  }

  note(page: number): void {
    if (this.marks[page] !== 0) return;
    this.marks[page] = 1;
    this.pages.push(page);
  }

  peek(): readonly number[] {
    this.collect(true);
    return this.pages;
  }

  take(): readonly number[] {
    this.collect(true);
    return this.handOver();
  }

  takeUnwatched(): readonly number[] {
    this.collect(false);
    return this.handOver();
  }

  private handOver(): readonly number[] {
    const { pages, marks } = this;
    this.pages = [];
    for (const page of pages) marks[page] = 0;
    return pages;
  }
}
