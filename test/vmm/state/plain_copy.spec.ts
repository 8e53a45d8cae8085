// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { plainCopy, whyNotPlain } from '../../../src/vmm/state/plain_copy.js';

describe('plainCopy', () => {
  it('copies containers of data, and gives everything else to the caller', () => {
    const value = { list: [1, new Map([['a', Uint8Array.of(7)]])], set: new Set([2n]), date: new Date(0) };
    const leaves: unknown[] = [];
    const copy = plainCopy(value, (leaf) => (leaves.push(leaf), leaf)) as typeof value;
    expect(copy).to.deep.equal(value);
    expect(
      [copy, copy.list, copy.list[1], copy.set].every(
        (each, at) => each !== [value, value.list, value.list[1], value.set][at],
      ),
    ).to.equal(true);
    expect(leaves).to.deep.equal([1, 'a', 2n, value.date]);
  });

  it('asks for objects that are leaves', () => {
    const copy = plainCopy(
      [{ mark: 1 }, { other: 2 }],
      () => 'leaf',
      (each) => 'mark' in each,
    );
    expect(copy).to.deep.equal(['leaf', { other: 'leaf' }]);
  });
});

describe('whyNotPlain', () => {
  it('names functions, symbols and instances', () => {
    const leaves = [1, 1n, 'x', true, undefined, null, () => {}, Symbol('s'), new Date(0)];
    expect(leaves.map(whyNotPlain)).to.deep.equal([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      'a function',
      'a symbol',
      'an instance of Date',
    ]);
  });
});
