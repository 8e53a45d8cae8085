// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { CpioArchive } from '../../../src/bfm/make_guest/cpio_archive.js';
import { readCpio } from './cpio_reader.js';

describe('CpioArchive', () => {
  it('holds folders before what is in them, each once, and files with their modes', () => {
    const archive = new CpioArchive();
    archive.file('a/b/first', 'one', 0o755);
    archive.file('a/b/second', Uint8Array.of(1, 2, 3, 4, 5));
    archive.folder('a/c');
    const entries = readCpio(archive.bytes());
    expect([...entries.keys()]).to.deep.equal(['a', 'a/b', 'a/b/first', 'a/b/second', 'a/c']);
    expect([...entries.values()].map(({ mode }) => mode.toString(8))).to.deep.equal([
      '40755',
      '40755',
      '100755',
      '100644',
      '40755',
    ]);
    expect(entries.get('a/b/first')!.content.toString()).to.equal('one');
    expect([...entries.get('a/b/second')!.content]).to.deep.equal([1, 2, 3, 4, 5]);
  });

  it('is aligned to four bytes, and the same for the same contents', () => {
    const make = (): Buffer => {
      const archive = new CpioArchive();
      archive.file('odd', 'x');
      return archive.bytes();
    };
    expect(make().length % 4).to.equal(0);
    expect(make().equals(make())).to.equal(true);
  });

  it('has the header that the kernel documents', () => {
    const archive = new CpioArchive();
    archive.file('x', 'yz', 0o600);
    const header = archive.bytes().toString('latin1', 0, 112);
    const fields = [1, 0o100600, 0, 0, 1, 0, 2, 0, 0, 0, 0, 2, 0].map((value) => value.toString(16).padStart(8, '0'));
    expect(header).to.equal(`070701${fields.join('')}x\0`);
  });
});
