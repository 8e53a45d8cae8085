// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { isNearApproximation, reconciled } from './vector_state.js';

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

describe('reconciled', () => {
  /** An FXSAVE image: control and status word, exponent and significand of ST0. */
  function image(control: number, status: number, exponent: number, significand: bigint): Uint8Array {
    const view = new DataView(new ArrayBuffer(512));
    view.setUint16(0, control, true);
    view.setUint16(2, status, true);
    view.setBigUint64(32, significand, true);
    view.setUint16(40, exponent, true);
    return new Uint8Array(view.buffer);
  }
  // FSIN of the smallest normal number, rounded towards zero, as an Intel Xeon and the core give it
  const scaled = image(0x0e4f, 0x88b0, 0x6000, 0xffff_ffff_ffff_ffffn);
  const whole = image(0x0e4f, 0x88a0, 1, 0x8000_0000_0000_0000n);

  it('takes the smallest normal number and what underflows just below it for the same, if the underflow is not masked', () => {
    expect(reconciled('FSIN', whole, scaled)).to.deep.equal(whole);
    expect(reconciled('FSIN', scaled, whole)).to.deep.equal(scaled);
    expect(reconciled('FADD', whole, scaled), 'no approximation').to.deep.equal(scaled);
  });
  it('tells results apart that are further away', () => {
    const further = image(0x0e4f, 0x88b0, 0x6000, 0xffff_ffff_ffff_fffdn);
    expect(reconciled('FSIN', whole, further)).not.to.deep.equal(whole);
    const masked = [
      image(0x0e5f, 0x38a0, 1, 0x8000_0000_0000_0000n),
      image(0x0e5f, 0x38b0, 0x6000, 0xffff_ffff_ffff_ffffn),
    ];
    expect(reconciled('FSIN', masked[0]!, masked[1]!)).not.to.deep.equal(masked[0]);
  });
});
