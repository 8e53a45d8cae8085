// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileDisk, openDisks } from '../../../src/bfm/worker/file_disk.js';
import { FileError } from '../../../src/bfm/failures/file_error.js';

describe('FileDisk', () => {
  it('is all in its file, so a snapshot has no blocks of it', () => {
    const disk = new FileDisk({ path, isWritable: true });
    disk.write(0, Uint8Array.of(1));
    expect([disk.isKeptOutside, disk.save().numbers.length, disk.save().bytes.length]).to.deep.equal([true, 0, 0]);
    disk.restore();
    const into = new Uint8Array(1);
    disk.read(0, into);
    expect(into[0]).to.equal(1);
  });

  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bareflank-disk-'));
    path = join(folder, 'disk.img');
    writeFileSync(path, Buffer.alloc(0x2000, 1));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('writes into the file at once, and reads it back', () => {
    const disk = new FileDisk({ path, isWritable: true });
    disk.write(0x200, Uint8Array.of(5, 6, 7));
    expect([...readFileSync(path).subarray(0x1ff, 0x204)]).to.deep.equal([1, 5, 6, 7, 1]);
    const into = new Uint8Array(4);
    disk.read(0x1ff, into);
    expect([...into]).to.deep.equal([1, 5, 6, 7]);
    expect(() => disk.flush()).to.not.throw();
  });

  it('stays as it is without the wish to write', () => {
    const [disk] = openDisks([{ path, isWritable: false }]);
    disk!.write(0, new Uint8Array(0x2000).fill(9));
    disk!.flush();
    const into = new Uint8Array(1);
    disk!.read(0x1fff, into);
    expect(into[0]).to.equal(9);
    expect(readFileSync(path).every((byte) => byte === 1)).to.equal(true);
  });

  it('names a file that is missing, a folder, and a file that has no whole sectors', () => {
    const open =
      (file: string, isWritable = false) =>
      () =>
        new FileDisk({ path: file, isWritable });
    expect(open(join(folder, 'none.img'))).to.throw(FileError, /none\.img cannot be read: ENOENT/);
    expect(open(join(folder, 'none.img'), true)).to.throw(FileError, /none\.img cannot be opened for writing: ENOENT/);
    expect(open(folder)).to.throw(FileError, /is no disk image: a regular file is wanted/);
    for (const bytes of [0, 511, 0x2001]) {
      writeFileSync(path, Buffer.alloc(bytes));
      expect(open(path), String(bytes)).to.throw(FileError, `it has ${bytes} bytes`);
    }
  });

  it('says that a file was truncated under a run', () => {
    const disk = new FileDisk({ path, isWritable: false });
    truncateSync(path, 0x1000);
    expect(() => disk.read(0xfff, new Uint8Array(2))).to.throw(FileError, /ends at byte 4096/);
  });
});
