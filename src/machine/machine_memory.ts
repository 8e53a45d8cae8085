// SPDX-License-Identifier: LGPL-2.1-only
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
