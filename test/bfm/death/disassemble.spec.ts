// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { disassemble, instructionDecoder } from '../../../src/bfm/death/disassemble.js';

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

describe('instructionDecoder', () => {
  it('knows lengths, and which instructions may go on elsewhere', async () => {
    const decode = await instructionDecoder();
    expect(decode('75 fe 90', 64, 0x1000n)).to.deep.equal({
      ...{ length: 2, isBranch: true, isAlwaysTaken: false, mnemonic: 'jne' },
    });
    expect(decode('48 89 c3', 64, 0x1000n)).to.deep.equal({
      ...{ length: 3, isBranch: false, isAlwaysTaken: false, mnemonic: 'mov' },
    });
    expect(decode('0f 0b', 64, 0n)).to.include({ length: 2, isBranch: false });
    expect(decode('e8 00 00', 16, 0n)).to.include({ length: 3, isAlwaysTaken: true, mnemonic: 'call' });
    expect(decode('0f 01 c1', 64, 0n), 'VMCALL').to.include({ isAlwaysTaken: false });
    expect(decode('06', 64, 0n)).to.equal(undefined);
  });
});
