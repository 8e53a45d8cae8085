// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { CopyOnWriteDisk } from '../../src/session/copy_on_write_disk.js';

describe('CopyOnWriteDisk', () => {
  /** A disk of two blocks and a half, each byte of which tells its block. */
  const content = Uint8Array.from({ length: 0x2800 }, (_, i) => 1 + (i >> 12));
  const make = (): CopyOnWriteDisk =>
    new CopyOnWriteDisk({
      bytes: content.length,
      read: (offset, into) => into.set(content.subarray(offset, offset + into.length)),
    });
  const read = (disk: CopyOnWriteDisk, offset: number, count: number): number[] => {
    const into = new Uint8Array(count);
    disk.read(offset, into);
    return [...into];
  };

  it('reads what is below, and what was written over it', () => {
    const disk = make();
    disk.write(0xffe, Uint8Array.of(7, 8, 9, 10));
    expect(read(disk, 0xffc, 8)).to.deep.equal([1, 1, 7, 8, 9, 10, 2, 2]);
    disk.flush();
    expect(read(disk, 0xffc, 8)).to.deep.equal([1, 1, 7, 8, 9, 10, 2, 2]);
  });

  it('leaves what is below as it is', () => {
    const before = content.slice();
    const disk = make();
    disk.write(0, new Uint8Array(disk.bytes).fill(0xee));
    expect(content).to.deep.equal(before);
    expect(read(disk, 0x27ff, 1)).to.deep.equal([0xee]);
    expect(read(make(), 0x27ff, 1)).to.deep.equal([3]);
  });
});
