// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { RequestCounter } from '../../../src/vmm/owners/request.js';

describe('RequestCounter', () => {
  it('tells of the first request of a key and of the end of the last one', () => {
    const changes: [number, boolean][] = [];
    const counter = new RequestCounter((key, isRequested) => changes.push([key, isRequested]));
    const [first, second, other] = [counter.request(5), counter.request(5), counter.request(6)];
    expect([counter.count(5), counter.count(6), counter.count(7)]).to.deep.equal([2, 1, 0]);
    expect(counter.keys()).to.deep.equal([5, 6]);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(counter.count(5)).to.equal(1);
    other[Symbol.dispose]();
    second[Symbol.dispose]();
    expect(counter.keys()).to.deep.equal([]);
    expect(changes).to.deep.equal([
      [5, true],
      [6, true],
      [6, false],
      [5, false],
    ]);
  });
});
