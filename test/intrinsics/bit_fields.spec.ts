// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  bitFieldsOf,
  bits,
  controlsOf,
  extract,
  inHighHalf,
  maskOf,
  prefixed,
  scattered,
  snakeCase,
  valuesOf,
  withValues,
} from '../../src/intrinsics/bit_fields.js';

describe('bit fields', () => {
  it('are cut out of a value', () => {
    const field = bits('middle', 4, 11);
    expect(maskOf(field)).to.equal(0xff0n);
    expect(extract(field, 0xabcdn)).to.equal(0xbcn);
  });

  it('may be one bit, the highest one, or all', () => {
    expect(extract(bits('top', 63), 1n << 63n)).to.equal(1n);
    expect(extract(bits('all', 0, 63), 0xffffffffffffffffn)).to.equal(0xffffffffffffffffn);
    expect(extract(bits('zero', 0), 2n)).to.equal(0n);
  });

  it('may be scattered', () => {
    const field = scattered('reserved', 0x8000000000000014n);
    expect([field.kind, field.from, field.to, maskOf(field)]).to.deep.equal(['run', 2, 63, 0x8000000000000014n]);
  });

  it('come from tables of masks, bit 31 too', () => {
    expect(
      bitFieldsOf({ LowBit: 1, TwoBits: 3 << 4, HighBit: 0x80000000, TopTwo: 0xc0000000 }, ['TwoBits', 'TopTwo']),
    ).to.deep.equal([
      { name: 'low_bit', kind: 'bit', from: 0, to: 0 },
      { name: 'two_bits', kind: 'run', from: 4, to: 5 },
      { name: 'high_bit', kind: 'bit', from: 31, to: 31 },
      { name: 'top_two', kind: 'run', from: 30, to: 31 },
    ]);
    expect(controlsOf({ HltExiting: 1 << 7 })).to.deep.equal([
      { name: 'hlt_exiting', kind: 'control', from: 7, to: 7 },
    ]);
    expect(snakeCase('Ia32VmxCr0Fixed0')).to.equal('ia32_vmx_cr0_fixed0');
    expect(snakeCase('GuestIa32PerfGlobalCtrl')).to.equal('guest_ia32_perf_global_ctrl');
    expect(snakeCase('BD')).to.equal('bd');
  });

  it('of a table must say which are runs, because accessors are typed by it', () => {
    expect(() => bitFieldsOf({ Wide: 6 })).to.throw('Wide (0x6) is a run of bits: name it in runs');
    expect(() => bitFieldsOf({ Bit: 4 }, ['Bit'])).to.throw('Bit (0x4) is one bit: do not name it in runs');
  });

  it('know their kind and the names of their values', () => {
    expect(bits('flag', 3)).to.deep.equal({ name: 'flag', kind: 'bit', from: 3, to: 3 });
    expect(bits('size', 3, 3, { byte: 0, word: 1 })).to.deep.equal({
      name: 'size',
      kind: 'run',
      from: 3,
      to: 3,
      values: { byte: 0, word: 1 },
    });
    expect(valuesOf({ WriteBack: 6 })).to.deep.equal({ write_back: 6 });
    expect(withValues([bits('a', 0, 1), bits('b', 2)], { a: { one: 1 } })).to.deep.equal([
      { name: 'a', kind: 'run', from: 0, to: 1, values: { one: 1 } },
      { name: 'b', kind: 'bit', from: 2, to: 2 },
    ]);
  });

  it('may have several names, or be in the high half', () => {
    expect(prefixed(['ins', 'outs'], [bits('size', 0, 1)]).map(({ name }) => name)).to.deep.equal([
      'ins.size',
      'outs.size',
    ]);
    expect(inHighHalf([bits('a', 3)])).to.deep.equal([{ name: 'a', kind: 'bit', from: 35, to: 35 }]);
  });
});
