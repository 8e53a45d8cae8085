// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PAGE_BYTES } from '../../../src/machine/memory/page_contents.js';
import { PageSnapshot } from '../../../src/machine/state/page_snapshot.js';
import { WrittenPages } from '../../../src/machine/memory/written_pages.js';
import { DirtyFlags } from '../memory/dirty_flags.js';
import { MemoryHash } from '../../../src/machine/state_hash.js';

const pages = 8;

function make() {
  const memory = new Uint8Array(pages * PAGE_BYTES);
  const dirty = new Uint8Array(pages);
  const hash = new MemoryHash(
    new Uint32Array(memory.buffer),
    new WrittenPages(new DirtyFlags(dirty), dirty.length).consumer(),
  );
  const write = (page: number, byte: number): void => {
    memory[page * PAGE_BYTES + 17] = byte;
    dirty[page] = 1;
  };
  return { memory, dirty, hash, write, snapshot: new PageSnapshot(memory, dirty, hash) };
}

describe('PageSnapshot', () => {
  it('holds the pages that are not zero, in order', () => {
    const { snapshot, write } = make();
    write(5, 1);
    write(2, 3);
    write(7, 9);
    snapshot.save();
    write(7, 0);
    const [piece, ...more] = snapshot.save();
    const { numbers, bytes } = piece!;
    expect(more).to.deep.equal([]);
    expect([...numbers]).to.deep.equal([2, 5]);
    expect([bytes.length, bytes[17], bytes[PAGE_BYTES + 17]]).to.deep.equal([2 * PAGE_BYTES, 3, 1]);
  });

  it('replaces all pages, and marks the changed ones: the hash follows', () => {
    const first = make();
    first.write(1, 4);
    first.write(3, 5);
    const wanted = first.hash.digest();
    const second = make();
    second.write(3, 6);
    second.hash.digest();
    second.write(4, 7);
    second.snapshot.restore(first.snapshot.save());
    expect(second.memory).to.deep.equal(first.memory);
    expect([...second.dirty]).to.deep.equal([0, 1, 0, 1, 1, 0, 0, 0]);
    expect(second.hash.digest()).to.deep.equal(wanted);
  });
});
