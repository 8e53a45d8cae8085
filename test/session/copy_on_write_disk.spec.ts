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

  it('gives what was written to another disk over the same content, and takes away what that had', () => {
    const [disk, other] = [make(), make()];
    disk.write(0x27fe, Uint8Array.of(7, 8));
    disk.write(5, Uint8Array.of(9));
    other.write(0x1000, Uint8Array.of(6));
    const saved = disk.save();
    expect([...saved.numbers]).to.deep.equal([0, 2]);
    expect(saved.bytes).to.have.length(0x2000);
    disk.write(5, Uint8Array.of(1));
    other.restore(saved);
    other.write(0x27ff, Uint8Array.of(3));
    expect([read(other, 4, 3), read(other, 0x1000, 1), read(other, 0x27fd, 3)]).to.deep.equal([
      [1, 9, 1],
      [2],
      [3, 7, 3],
    ]);
    expect(read(disk, 0x27fe, 2), 'each has its own').to.deep.equal([7, 8]);
  });
});
