// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import { readBootFile, readBootModule } from '../../../src/bfm/worker/boot_file.js';

describe('readBootFile', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bfm-boot-file-'));
    writeFileSync(join(folder, 'disk'), 'ab');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('names a file without its folder, so that a run does not depend on where the file is', () => {
    const { name, bytes } = readBootFile(join(folder, 'disk'));
    expect([name, ...bytes]).to.deep.equal(['disk', 0x61, 0x62]);
  });

  it('says which file cannot be read and why', () => {
    expect(() => readBootFile(join(folder, 'none'))).to.throw(FileError, /none cannot be read: .*ENOENT/);
  });

  it('keeps the arguments of a module', () => {
    expect(readBootModule({ file: join(folder, 'disk'), arguments: 'a b' })).to.include({
      name: 'disk',
      arguments: 'a b',
    });
  });
});
