// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { unsignedBits } from '../../../src/vmm/support/unsigned_bits.js';

describe('unsignedBits', () => {
  for (const bits of [16, 32, 64])
    it(`cuts a value to ${bits} bits, and none is negative`, () => {
      const whole = 1n << BigInt(bits);
      for (const value of [0n, 5n, whole - 1n, whole >> 1n, whole + 5n, -1n, -whole, (whole << 9n) - 3n])
        expect(unsignedBits(bits, value), String(value)).to.equal(BigInt.asUintN(bits, value));
    });
});
