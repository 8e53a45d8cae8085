// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../layout/layout.js';
import { MemoryError } from './memory_error.js';

/** @param pages of 64 KiB, for everything that the machine keeps. @throws MemoryError */
export function allocateMemory(pages: number, ramBytes: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (error) {
    throw new MemoryError(
      `there is no memory for a machine with ${ramBytes / 2 ** 20} MiB of RAM, which takes ${pages / 16} MiB altogether: use less RAM, or end other programs`,
      {
        causedBy: error,
        details: { found: String(error), expected: `${pages / 16} MiB of memory`, advice: 'use less RAM' },
      },
    );
  }
}

const pageBytes = 4096;

/**
 * Makes the memory of a machine that has ended a new machine's: zeros, but only where something was written, which is much faster than to
 * allocate. Precondition: its dirty map says all that was written, so nobody has asked the ended machine for its state hash.
 */
export function wipeMemory(memory: WebAssembly.Memory): void {
  const bytes = new Uint8Array(memory.buffer);
  const recordsEnd = new Uint32Array(memory.buffer)[Layout.RECORD_NEXT / 4]!;
  const pages = (bytes.length - Layout.RAM) / pageBytes;
  for (let page = bytes.indexOf(1, Layout.DIRTY) - Layout.DIRTY; page >= 0 && page < pages;) {
    const from = Layout.RAM + page * pageBytes;
    bytes.fill(0, from, from + pageBytes);
    page = bytes.indexOf(1, Layout.DIRTY + page + 1) - Layout.DIRTY;
  }
  bytes.fill(0, Layout.RECORDS, Math.max(Layout.RECORDS, recordsEnd));
  bytes.fill(0, 0, Layout.RECORDS);
}
