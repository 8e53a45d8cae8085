// SPDX-License-Identifier: LGPL-2.1-only
import { PAGE_BYTES, type PageContents } from './page_contents.js';

/** Pages of a snapshot that are not in the machine's memory yet. */
export interface LaterPages {
  /** Their numbers. They are pages of guest RAM. */
  readonly numbers: Uint32Array;
  /**
   * The contents of a page, at once: the machine waits. More pages may come along.
   * @throws if they cannot be had; the machine cannot go on then
   */
  load(number: number): PageContents;
}

/**
 * The pages of RAM whose contents come when something needs them. The machine notices none of it: nobody reads or writes a page before its contents are
 * there. The core asks for a page where a physical address becomes a place in memory, which each access does that no TLB serves.
 */
export class AbsentPages {
  private later: LaterPages | undefined;

  /**
   * @param memory guest RAM
   * @param flags one byte a page of RAM: 1 = its contents are not there
   * @param dirty one byte a page: 1 = written since somebody looked
   */
  constructor(
    private readonly memory: Uint8Array,
    private readonly flags: Uint8Array,
    private readonly dirty: Uint8Array,
  ) {}

  /** From now on these pages are absent, and no others. Precondition: no TLB leads to one. */
  expect(later: LaterPages | undefined): void {
    this.flags.fill(0);
    this.later = later;
    for (const number of later?.numbers ?? []) this.flags[number] = 1;
  }

  /** Whether a page is absent. */
  has(number: number): boolean {
    return this.flags[number] === 1;
  }

  /** A page is needed. */
  provide(number: number): void {
    if (!this.has(number)) return;
    this.arrived(this.later!.load(number));
    if (this.has(number)) throw new Error(`page ${number} of the snapshot was not among the pages that came for it`);
  }

  /** The pages of a range of physical addresses are needed. Precondition: it is in RAM. */
  provideRange(start: number, end: number): void {
    if (this.later === undefined) return;
    for (let page = Math.floor(start / PAGE_BYTES); page * PAGE_BYTES < end; page++) this.provide(page);
  }

  /** All pages are needed: something looks at the whole memory. */
  provideAll(): void {
    if (this.later === undefined) return;
    for (const number of this.later.numbers) this.provide(number);
    this.later = undefined;
  }

  /** Pages have come, asked for or not. Those that are there already stay as they are. */
  arrived({ numbers, bytes }: PageContents): void {
    numbers.forEach((number, i) => {
      if (!this.has(number)) return;
      this.memory.set(bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES), number * PAGE_BYTES);
      this.flags[number] = 0;
      // Of what hashes and snapshots know, the page was zero.
      this.dirty[number] = 1;
    });
  }
}
