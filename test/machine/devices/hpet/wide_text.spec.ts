// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { WideText } from '../../../../src/machine/devices/hpet/wide_text.js';

describe('WideText', () => {
  it('converts to text and back, whatever came before', () => {
    const wide = new WideText();
    expect(wide.parse('18446744073709551615')).to.equal(0xffff_ffff_ffff_ffffn);
    expect(wide.format(0xffff_ffff_ffff_ffffn)).to.equal('18446744073709551615');
    expect(wide.format(0n)).to.equal('0');
    expect(wide.parse('1')).to.equal(1n);
    expect(wide.parse('18446744073709551615')).to.equal(0xffff_ffff_ffff_ffffn);
  });
});
