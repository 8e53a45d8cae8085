// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseEncoding, PrefixMask } from '../../../src/machine/generator/encoding.js';

describe('parseEncoding', () => {
  it('takes a lone byte for an opcode of the one-byte map with any prefix', () => {
    expect(parseEncoding('00')).to.include({ map: 0, opcode: 0, prefixes: PrefixMask.any, registerInOpcode: false });
  });

  it('reads maps and mandatory prefixes', () => {
    expect(parseEncoding('0F AF')).to.include({ map: 1, opcode: 0xaf });
    expect(parseEncoding('F3 0F B8')).to.include({ map: 1, opcode: 0xb8, prefixes: PrefixMask.pF3 });
    expect(parseEncoding('66 0F 38 17')).to.include({ map: 2, opcode: 0x17, prefixes: PrefixMask.p66 });
    expect(parseEncoding('66 0F 3A 63')).to.include({ map: 3, opcode: 0x63 });
    expect(parseEncoding('NP 0F 28')).to.include({ prefixes: PrefixMask.none });
    expect(parseEncoding('F3 90')).to.include({ map: 0, opcode: 0x90, prefixes: PrefixMask.pF3 });
  });

  it('reads VEX, whose maps have numbers of their own', () => {
    expect(parseEncoding('VEX NP 0F 38 F2')).to.include({ map: 5, opcode: 0xf2, prefixes: PrefixMask.none });
    expect(parseEncoding('VEX F2 0F 3A F0')).to.include({ map: 6, opcode: 0xf0, prefixes: PrefixMask.pF2 });
    expect(parseEncoding('VEX NP 0F 38 F3 /1')).to.include({ map: 5, digit: 1 });
    expect(() => parseEncoding('VEX NP F2')).to.throw(SyntaxError, 'VEX NP F2');
  });

  it('reads registers in the opcode, digits and exact ModRM bytes', () => {
    expect(parseEncoding('B8+')).to.include({ opcode: 0xb8, registerInOpcode: true });
    expect(parseEncoding('0F C8+')).to.include({ map: 1, opcode: 0xc8, registerInOpcode: true });
    expect(parseEncoding('80 /7')).to.include({ digit: 7 });
    expect(parseEncoding('D9 E8')).to.include({ opcode: 0xd9, modrm: 0xe8, registerInModrm: false });
    expect(parseEncoding('D9 C0+')).to.include({ modrm: 0xc0, registerInModrm: true });
    expect(parseEncoding('0F 01 C1')).to.include({ map: 1, opcode: 1, modrm: 0xc1 });
  });

  for (const wrong of ['', 'XY', '0F AF 3', 'D9 80', '00 /1 00']) {
    it(`refuses '${wrong}', naming it`, () => {
      expect(() => parseEncoding(wrong)).to.throw(SyntaxError, wrong);
    });
  }
});
