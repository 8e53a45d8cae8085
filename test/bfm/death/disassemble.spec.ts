// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { disassemble } from '../../../src/bfm/death/disassemble.js';

describe('disassemble', () => {
  it('gives the first instruction and the features it needs', async () => {
    expect(await disassemble('c5 fc 58 c1 90 90', 64, '0x1000')).to.deep.equal({
      text: 'vaddps ymm0,ymm0,ymm1',
      features: ['AVX'],
    });
  });
  it('heeds the width of the code and the address', async () => {
    expect((await disassemble('eb fe', 64, '0xffffffff81000000'))?.text).to.match(/^jmp short 0*ffffffff81000000h$/i);
    expect((await disassemble('40', 32, '0x0'))?.text).to.equal('inc eax');
    expect((await disassemble('01 c0', 16, '0x0'))?.text).to.equal('add ax,ax');
  });
  it('knows what no processor knows', async () => {
    expect(await disassemble('0f ff', 64, '0x0')).to.equal(undefined);
    expect(await disassemble('ff ff', 64, '0x0')).to.equal(undefined);
    expect(await disassemble('', 64, '0x0')).to.equal(undefined);
  });
});
