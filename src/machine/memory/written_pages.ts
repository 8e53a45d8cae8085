// SPDX-License-Identifier: LGPL-2.1-only
import { PageList, type PageConsumer } from './page_list.js';

/** Knows which pages were written. */
export interface DirtyPages {
  /** Takes the marks of written pages away, from a page on. @returns some of the pages, in order; none if there are no more */
  takeWritten(from: number): Uint32Array;
  /** Called after marks were taken: writes must set them again. */
  dirtyCleared(): void;
}

/** Gives each consumer the pages that were written since it looked: a mark a page and a list of its own. The marks are looked through once for all. */
export class WrittenPages {
  private readonly consumers: PageList[] = [];

  /** @param count of pages. */
  constructor(
    private readonly dirty: DirtyPages,
    private readonly count: number,
  ) {}

  /** Adds a consumer. It hears of pages that are marked now, and of later writes. */
  consumer(): PageConsumer {
    const added = new PageList(this.count, (watch) => this.collect(watch));
    this.consumers.push(added);
    return added;
  }

  /** A page was changed in a way that sets no flag. @param by the one who did it, and need not hear of it */
  changed(page: number, by: PageConsumer): void {
    for (const consumer of this.consumers) if (consumer !== by) consumer.note(page);
  }

  private collect(watch: boolean): void {
    const { dirty, consumers } = this;
    let next = 0;
    for (let pages = dirty.takeWritten(next); pages.length > 0; pages = dirty.takeWritten(next)) {
      for (const page of pages) for (const consumer of consumers) consumer.note(page);
      next = pages[pages.length - 1]! + 1;
    }
    if (watch && next > 0) dirty.dirtyCleared();
  }
}
