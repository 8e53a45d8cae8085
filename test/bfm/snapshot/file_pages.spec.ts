// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FilePages, partsOfPages, type PageSection } from '../../../src/bfm/snapshot/file_pages.js';
import { SnapshotError } from '../../../src/bfm/snapshot/snapshot_error.js';
import { bytesOfPages } from '../../../src/bfm/snapshot/snapshot_header.js';
import { inFolder } from './saved_machine.js';

const page = 4096;
const pages = (...numbers: number[]) => ({
  numbers: Uint32Array.from(numbers),
  bytes: Uint8Array.from({ length: numbers.length * page }, (_, i) => numbers[i >> 12]! + (i >> 5)),
});

/** A file with sections of these pages behind three other bytes. */
function written(folder: string, ...pieces: readonly (readonly number[])[]): [path: string, sections: PageSection[]] {
  const path = join(folder, 'pages');
  let at = 3;
  const sections = pieces.map(({ length }) => {
    const section = { pages: length, at };
    at += bytesOfPages(length);
    return section;
  });
  const parts = pieces.flatMap((numbers) => partsOfPages(pages(...numbers)));
  writeFileSync(path, Buffer.concat([Buffer.from('any'), ...parts]));
  return [path, sections];
}

/** A piece is valid until the next one is read. */
const copies = (all: FilePages) =>
  Array.from(all, ({ numbers, bytes }) => ({ numbers: numbers.slice(), bytes: bytes.slice() }));

describe('FilePages', () => {
  it('reads what partsOfPages has written, as often as wanted', () =>
    inFolder((folder) => {
      const [path, sections] = written(folder, [0, 3, 4], [5, 99]);
      const all = new FilePages(path, sections, 100);
      for (let round = 0; round < 2; round++) expect(copies(all)).to.deep.equal([pages(0, 3, 4), pages(5, 99)]);
      expect(copies(new FilePages(path, [], 100))).to.deep.equal([]);
      return Promise.resolve();
    }));

  it('refuses numbers that do not grow or are too large, and a file that ends early or is gone', () =>
    inFolder((folder) => {
      const refused = (limit: number, ...pieces: number[][]): void => {
        const [path, sections] = written(folder, ...pieces);
        expect(() => copies(new FilePages(path, sections, limit))).to.throw(
          SnapshotError,
          /out of order, or not below/,
        );
      };
      refused(100, [5, 4]);
      refused(100, [5], [5]);
      refused(99, [98, 99]);
      const [path, [section]] = written(folder, [1]);
      const beyond = { pages: 2, at: section!.at };
      expect(() => copies(new FilePages(path, [beyond], 100))).to.throw(
        SnapshotError,
        /pages is a damaged.*it ends at/,
      );
      expect(() => copies(new FilePages(join(folder, 'gone'), [beyond], 100))).to.throw(SnapshotError, /ENOENT/);
      return Promise.resolve();
    }));
});
