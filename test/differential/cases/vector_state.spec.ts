// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { isNearApproximation } from './vector_state.js';

const smallestNormal = 2 ** -126;

describe('isNearApproximation', () => {
  it('allows twice the error that the manual allows', () => {
    expect(isNearApproximation(1, 1 + 2.9 * 2 ** -12)).to.equal(true);
    expect(isNearApproximation(1, 1 + 3.1 * 2 ** -12)).to.equal(false);
    expect(isNearApproximation(1, -1)).to.equal(false);
  });
  it('allows zero for what may be tiny, of the same sign', () => {
    expect(isNearApproximation(0, smallestNormal)).to.equal(true);
    expect(isNearApproximation(-smallestNormal, -0)).to.equal(true);
    expect(isNearApproximation(0, -smallestNormal)).to.equal(false);
    expect(isNearApproximation(-0, 0)).to.equal(false);
  });
  it('does not allow zero for what is not tiny', () => {
    expect(isNearApproximation(0, 1.01 * smallestNormal)).to.equal(false);
    expect(isNearApproximation(1.01 * smallestNormal, 0)).to.equal(false);
  });
});
