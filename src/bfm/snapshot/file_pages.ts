// SPDX-License-Identifier: LGPL-2.1-only
import { closeSync, openSync, readSync } from 'node:fs';
import type { PageContents } from '../../machine/memory/page_contents.js';
import { bytesOfPages, MOST_IN_SECTION, NUMBER_BYTES } from './snapshot_header.js';
import { SnapshotError } from './snapshot_error.js';

/** A piece of a memory as a section has it. */
export const partsOfPages = ({ numbers, bytes }: PageContents): Uint8Array[] => [
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength),
  bytes,
];

/** A section with pages. */
export interface PageSection {
  readonly pages: number;
  /** Where it begins in the file. */
  readonly at: number;
}

/** Fills `into` from a place of a file. @throws Error if the file ends before */
export function readFully(file: number, into: Uint8Array, at: number): void {
  for (let done = 0; done < into.length;) {
    const count = readSync(file, into, done, into.length - done, at + done);
    if (count === 0) throw new Error(`it ends at byte ${at + done}`);
    done += count;
  }
}

/**
 * The pages of a snapshot. They are not compressed, and go from the file into the machine piece by piece, through memory that stays in the
 * processor's caches: that takes a quarter of the time of an array of all of them. A piece is valid until the next one is read.
 */
export class FilePages implements Iterable<PageContents> {
  /** @param limit the numbers must be below it */
  constructor(
    private readonly path: string,
    private readonly sections: readonly PageSection[],
    private readonly limit: number,
  ) {}

  /** @throws SnapshotError for a file that ends early, or numbers that do not grow */
  *[Symbol.iterator](): Generator<PageContents> {
    const memory = new Uint8Array(bytesOfPages(MOST_IN_SECTION));
    let file: number | undefined;
    try {
      file = openSync(this.path, 'r');
      let least = 0;
      for (const { pages, at } of this.sections) {
        readFully(file, memory.subarray(0, bytesOfPages(pages)), at);
        const numbers = new Uint32Array(memory.buffer, 0, pages);
        least = this.checked(numbers, least);
        yield { numbers, bytes: memory.subarray(pages * NUMBER_BYTES, bytesOfPages(pages)) };
      }
    } catch (error) {
      if (error instanceof SnapshotError) throw error;
      throw SnapshotError.damaged(this.path, error instanceof Error ? error.message : String(error));
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }

  /** @returns the least number that the next page may have */
  private checked(numbers: Uint32Array, least: number): number {
    for (const number of numbers) {
      if (number < least || number >= this.limit)
        throw SnapshotError.damaged(this.path, `page number ${number} is out of order, or not below ${this.limit}`);
      least = number + 1;
    }
    return least;
  }
}
