// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseDecimal, parseHexadecimal } from '../../../src/bfm/options/number.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';

describe('parseHexadecimal', () => {
  it('takes bare digits as hexadecimal, and a prefix', () => {
    expect(['10', '0x10', 'ff', '0XfF'].map((text) => parseHexadecimal(text, 'x'))).to.deep.equal([
      16n,
      16n,
      255n,
      255n,
    ]);
    expect(parseHexadecimal('ffffffffffffffff', 'x')).to.equal((1n << 64n) - 1n);
  });

  for (const text of ['', '0x', '12g', '-1', '1 ', '1ffffffffffffffff'])
    it(`refuses '${text}'`, () => expect(() => parseHexadecimal(text, '--cpuid')).to.throw(UsageError, /--cpuid/));
});

describe('parseDecimal', () => {
  it('takes bare digits as decimal, and hexadecimal with a prefix', () => {
    expect(['10', '0x10'].map((text) => parseDecimal(text, 'x'))).to.deep.equal([10n, 16n]);
  });

  for (const text of ['', 'a', '1a', '18446744073709551616'])
    it(`refuses '${text}'`, () => expect(() => parseDecimal(text, 'versions')).to.throw(UsageError, /versions/));
});
