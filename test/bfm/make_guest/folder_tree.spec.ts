// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { entriesBelow } from '../../../src/bfm/make_guest/folder_tree.js';

describe('entriesBelow', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'bareflank-tree-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('lists files and folders at every depth, and links without what they lead to', () => {
    mkdirSync(join(folder, 'a', 'b'), { recursive: true });
    writeFileSync(join(folder, 'a', 'b', 'file'), 'content');
    symlinkSync('a', join(folder, 'link'));
    symlinkSync('..', join(folder, 'a', 'loop'));
    symlinkSync('nowhere', join(folder, 'dangling'));
    const found = entriesBelow(folder).map(({ path, isFile }) => [relative(folder, path), isFile]);
    expect(found).to.have.deep.members([
      ['a', false],
      [join('a', 'b'), false],
      [join('a', 'b', 'file'), true],
      [join('a', 'loop'), false],
      ['link', false],
      ['dangling', false],
    ]);
  });
});
