// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PageList } from '../../../src/machine/memory/page_list.js';

describe('PageList', () => {
  it('gives each page once, with those that a look brings in, and begins again', () => {
    const written = [4, 2];
    const list: PageList = new PageList(8, () => written.splice(0).forEach((page) => list.note(page)));
    list.note(7);
    list.note(7);
    expect(list.peek()).to.deep.equal([7, 4, 2]);
    written.push(4, 1);
    expect(list.take()).to.deep.equal([7, 4, 2, 1]);
    expect(list.take()).to.deep.equal([]);
    list.note(7);
    expect(list.take()).to.deep.equal([7]);
  });

  it('has the next writes watched, unless the caller does that', () => {
    const watched: boolean[] = [];
    const list = new PageList(8, (watch) => watched.push(watch));
    list.note(3);
    list.peek();
    expect(list.takeUnwatched()).to.deep.equal([3]);
    expect(list.take()).to.deep.equal([]);
    expect(watched).to.deep.equal([true, false, true]);
  });
});
