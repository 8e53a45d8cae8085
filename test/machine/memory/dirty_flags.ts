// SPDX-License-Identifier: LGPL-2.1-only
import type { DirtyPages } from '../../../src/machine/memory/written_pages.js';

/** A map of written pages without a core: one byte a page. It gives at most two pages at a time. */
export class DirtyFlags implements DirtyPages {
  /** How often marks were taken. */
  clears = 0;

  constructor(readonly flags: Uint8Array) {}

  takeWritten(from: number): Uint32Array {
    const pages = [...this.flags.keys()].filter((page) => page >= from && this.flags[page] === 1).slice(0, 2);
    for (const page of pages) this.flags[page] = 0;
    return Uint32Array.from(pages);
  }

  dirtyCleared(): void {
    this.clears++;
  }
}
