// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { WrittenPages } from '../../../src/machine/memory/written_pages.js';
import { DirtyFlags } from './dirty_flags.js';

describe('WrittenPages', () => {
  it('gives each consumer each written page once, however often the others look', () => {
    const flags = new Uint8Array(8);
    const dirty = new DirtyFlags(flags);
    const written = new WrittenPages(dirty, flags.length);
    flags[6] = 1;
    const [first, second] = [written.consumer(), written.consumer()];
    flags[2] = 1;
    expect(first.take()).to.deep.equal([2, 6]);
    expect([first.take(), dirty.clears]).to.deep.equal([[], 1]);
    flags[2] = flags[3] = 1;
    expect(first.peek()).to.deep.equal([2, 3]);
    expect(second.take()).to.deep.equal([2, 6, 3]);
    expect(first.take()).to.deep.equal([2, 3]);
    expect([...flags, dirty.clears]).to.deep.equal([0, 0, 0, 0, 0, 0, 0, 0, 2]);
    first.note(5);
    first.note(5);
    expect([first.take(), second.take()]).to.deep.equal([[5], []]);
    flags[1] = 1;
    expect([first.takeUnwatched(), second.take(), dirty.clears]).to.deep.equal([[1], [1], 2]);
  });

  it('tells all but the one who changed it of a page without a flag', () => {
    const written = new WrittenPages({ takeWritten: () => new Uint32Array(), dirtyCleared: () => {} }, 8);
    const [first, second, third] = [written.consumer(), written.consumer(), written.consumer()];
    written.changed(4, second);
    expect([first, second, third].map((each) => each.take())).to.deep.equal([[4], [], [4]]);
  });
});
