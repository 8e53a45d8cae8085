// SPDX-License-Identifier: LGPL-2.1-only
import { PageList, type PageConsumer } from './page_list.js';

/** Which pages changed: one byte a page, 1 if it was written since the byte was last cleared. */
export interface DirtyPages {
  readonly flags: Uint8Array;
  /** Called after flags were cleared: writes must set them again. */
  cleared(): void;
}

/** Gives each consumer the pages that were written since it looked: a mark a page and a list of its own. The flags are looked through once for all. */
export class WrittenPages {
  private readonly consumers: PageList[] = [];

  constructor(private readonly dirty: DirtyPages) {}

  /** Adds a consumer. It hears of pages whose flags are set now, and of later writes. */
  consumer(): PageConsumer {
    const added = new PageList(this.dirty.flags.length, () => this.collect());
    this.consumers.push(added);
    return added;
  }

  private collect(): void {
    const { dirty, consumers } = this;
    const { flags } = dirty;
    let any = false;
    for (let page = flags.indexOf(1); page !== -1; page = flags.indexOf(1, page + 1)) {
      flags[page] = 0;
      any = true;
      for (const consumer of consumers) consumer.note(page);
    }
    if (any) dirty.cleared();
  }
}
