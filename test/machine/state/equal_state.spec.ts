// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { copyState } from '../../../src/machine/state/copy_state.js';
import { equalState } from '../../../src/machine/state/equal_state.js';

const state = { a: 1, b: 'x', c: null, d: false, e: [1, 2], f: [{ g: [3] }, { g: [] }], h: { i: { j: [[4]] } } };

describe('equalState', () => {
  it('finds a copy equal', () => {
    expect(equalState(state, copyState(state))).to.equal(true);
    expect(equalState(NaN, NaN)).to.equal(true);
  });

  const others: readonly object[] = [
    { a: 2 },
    { b: 'y' },
    { c: 0 },
    { c: undefined },
    { d: null },
    { e: [1] },
    { e: [1, 3] },
    { e: { 0: 1, 1: 2, length: 2 } },
    { f: [{ g: [3] }, { g: [0] }] },
    { h: { i: { j: [[5]] } } },
    { h: { i: {} } },
    { k: 0 },
  ];
  for (const other of others)
    it(`finds a difference: ${JSON.stringify(other)}`, () => {
      const changed = { ...copyState(state), ...other };
      expect(equalState(state, changed)).to.equal(false);
      expect(equalState(changed, state)).to.equal(false);
    });
});
