// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseDumpCompiled, parseTier } from '../../../src/bfm/options/tier_option.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';

describe('parseTier', () => {
  it('says only what differs from the default', () => {
    expect([parseTier('on'), parseTier('off'), parseTier('forced')]).to.deep.equal([
      {},
      { tier: 'off' },
      { tier: 'forced' },
    ]);
  });

  it('refuses other modes, and names the right ones', () => {
    expect(() => parseTier('fast')).to.throw(UsageError, 'on, off or forced');
  });
});

describe('parseDumpCompiled', () => {
  it('takes an address, and refuses other texts and a run that compiles nothing', () => {
    expect(parseDumpCompiled(undefined, 'off')).to.deep.equal({});
    expect(parseDumpCompiled('0xffffFFFF81000000', 'on')).to.deep.equal({ dumpCompiled: '0xffffFFFF81000000' });
    for (const text of ['', '1000', '0x12345678123456789', 'do idle', '-1'])
      expect(() => parseDumpCompiled(text, 'on'), text).to.throw(UsageError, 'an address as in 0xffffffff81000000');
    expect(parseDumpCompiled('kallsyms_expand_symbol.constprop.0', 'on')).to.have.property('dumpCompiled');
    expect(() => parseDumpCompiled('0x1000', 'off')).to.throw(UsageError, '--tier off compiles none');
  });
});
