// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { copyState } from '../../../src/machine/state/copy_state.js';

describe('copyState', () => {
  it('copies all parts, and shares none', () => {
    const state = { a: 1, b: 'x', c: null, d: false, e: [1, 2], f: [{ g: [3] }, { g: [] }], h: { i: { j: [[4]] } } };
    const copy = copyState(state);
    expect(copy).to.deep.equal(state);
    state.e[0] = state.f[0]!.g[0] = state.h.i.j[0]![0] = 9;
    expect([copy.e, copy.f[0]!.g, copy.h.i.j]).to.deep.equal([[1, 2], [3], [[4]]]);
    expect([copyState(5), copyState(null), copyState('y')]).to.deep.equal([5, null, 'y']);
  });
});
