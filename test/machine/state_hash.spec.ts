// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { WrittenPages } from '../../src/machine/memory/written_pages.js';
import { DirtyFlags } from './memory/dirty_flags.js';
import { MemoryHash, digestText, digestToHex } from '../../src/machine/state_hash.js';

describe('MemoryHash', () => {
  function make(): { words: Uint32Array; flags: Uint8Array; hash: MemoryHash; store(i: number, v: number): void } {
    const words = new Uint32Array(8 * 1024);
    const flags = new Uint8Array(8);
    const store = (index: number, value: number): void => {
      words[index] = value;
      flags[index >> 10] = 1;
    };
    return {
      words,
      flags,
      hash: new MemoryHash(words, new WrittenPages(new DirtyFlags(flags), flags.length).consumer()),
      store,
    };
  }
  const text = (hash: MemoryHash): string => digestToHex(hash.digest());

  it('depends on contents and place, not on the order of writes', () => {
    const a = make();
    a.store(5, 1);
    a.store(5000, 2);
    const b = make();
    b.store(5000, 2);
    text(b.hash);
    b.store(5, 1);
    expect(text(a.hash)).to.equal(text(b.hash));
    const moved = make();
    moved.store(5 + 1024, 1);
    moved.store(5000, 2);
    expect(text(moved.hash)).to.not.equal(text(a.hash));
  });

  it('comes back to where it was when the memory does', () => {
    const { hash, store } = make();
    store(7, 9);
    const before = text(hash);
    store(7, 10);
    expect(text(hash)).to.not.equal(before);
    store(7, 9);
    expect(text(hash)).to.equal(before);
  });

  it('sees pages that are zero again as never written', () => {
    const { hash, store } = make();
    const before = text(hash);
    store(3000, 1);
    store(3000, 0);
    expect(text(hash)).to.equal(before);
  });

  it('distinguishes texts', () => {
    expect(digestToHex(digestText('{"a":1}'))).to.not.equal(digestToHex(digestText('{"a":2}')));
  });
});
