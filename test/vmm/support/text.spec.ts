// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { decodeUtf8, encodeUtf8, hex } from '../../../src/vmm/support/text.js';

describe('text', () => {
  describe('hex', () => {
    it('spells numbers and bigints with 0x and pads to digits', () => {
      expect(hex(255)).to.equal('0xff');
      expect(hex(0xffff_ffff_ffff_fff0n)).to.equal('0xfffffffffffffff0');
      expect(hex(1, 4)).to.equal('0x0001');
    });
  });

  describe('encodeUtf8 and decodeUtf8', () => {
    for (const text of ['', 'plain', 'żółw', '日本', '😀 and more', 'a\u0000b\n']) {
      it(`agree with the platform's codec on ${JSON.stringify(text)}`, () => {
        const bytes = encodeUtf8(text);
        expect([...bytes]).to.deep.equal([...new TextEncoder().encode(text)]);
        expect(decodeUtf8(bytes)).to.equal(text);
      });
    }

    it('replace a lone surrogate', () => {
      expect([...encodeUtf8('\ud800')]).to.deep.equal([0xef, 0xbf, 0xbd]);
    });

    it('replace bytes that are not UTF-8, one by one', () => {
      expect(decodeUtf8(Uint8Array.of(0x41, 0xff, 0x42))).to.equal('A\ufffdB');
      expect(decodeUtf8(Uint8Array.of(0xe2, 0x82))).to.equal('\ufffd\ufffd');
      expect(decodeUtf8(Uint8Array.of(0xed, 0xa0, 0x80)), 'an encoded surrogate').to.equal('\ufffd\ufffd\ufffd');
    });
  });
});
