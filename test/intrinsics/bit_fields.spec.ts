// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { bitFieldsOf, bits, extract, insert, maskOf, scattered, snakeCase } from '../../src/intrinsics/bit_fields.js';

describe('bit fields', () => {
  it('are cut out of a value and put into it', () => {
    const field = bits('middle', 4, 11);
    expect(maskOf(field)).to.equal(0xff0n);
    expect(extract(field, 0xabcdn)).to.equal(0xbcn);
    expect(insert(field, 0xabcdn, 0x12n)).to.equal(0xa12dn);
    expect(insert(field, 0n, 0xfffn), 'cut to its width').to.equal(0xff0n);
  });

  it('may be one bit, the highest one, or all', () => {
    expect(extract(bits('top', 63), 1n << 63n)).to.equal(1n);
    expect(insert(bits('all', 0, 63), 5n, 0xffffffffffffffffn)).to.equal(0xffffffffffffffffn);
    expect(extract(bits('zero', 0), 2n)).to.equal(0n);
  });

  it('may be scattered', () => {
    const field = scattered('reserved', 0x8000000000000014n);
    expect([field.from, field.to, maskOf(field)]).to.deep.equal([2, 63, 0x8000000000000014n]);
  });

  it('come from tables of masks', () => {
    expect(bitFieldsOf({ LowBit: 1, TwoBits: 3 << 4, HighBit: 0x80000000 })).to.deep.equal([
      { name: 'low_bit', from: 0, to: 0 },
      { name: 'two_bits', from: 4, to: 5 },
      { name: 'high_bit', from: 31, to: 31 },
    ]);
    expect(snakeCase('Ia32VmxCr0Fixed0')).to.equal('ia32_vmx_cr0_fixed0');
  });
});
