// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { dataBytes } from '../../../src/machine/state/data_bytes.js';

describe('dataBytes', () => {
  it('counts arrays and texts wherever they are', () => {
    const bytes = new Uint8Array(10_000);
    for (const value of [bytes, [bytes], { a: { b: bytes } }, new Map([[1n, { bytes }]]), 'x'.repeat(10_000)])
      expect(dataBytes(value)).to.be.within(10_000, 10_100);
    expect(dataBytes(new BigUint64Array(1000))).to.be.within(8000, 8100);
    for (const value of [null, undefined, 1, 1n, true, {}]) expect(dataBytes(value)).to.be.lessThan(100);
  });
});
