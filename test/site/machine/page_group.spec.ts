// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { zlibSync } from 'fflate';
import { packPages, unpackPages } from '../../../src/site/machine/page_group.js';

describe('packPages', () => {
  it('gives bytes that unpackPages makes the same pages of', () => {
    const pages = { numbers: Uint32Array.of(3, 70_000), bytes: new Uint8Array(8192).map((_, i) => i % 251) };
    expect(unpackPages(packPages(pages))).to.deep.equal(pages);
  });
});

describe('unpackPages', () => {
  it('refuses pages that were changed on the way', () => {
    const packed = packPages({
      numbers: Uint32Array.of(3),
      bytes: new Uint8Array(4096).map((_, i) => (i * i * 31) % 256),
    });
    let found = 0;
    for (let at = 0; at < packed.length; at += 7) {
      const damaged = packed.slice();
      damaged[at]! ^= 0x10;
      expect(() => unpackPages(damaged), `byte ${at}`).to.throw();
      found++;
    }
    expect(found).to.be.greaterThan(20);
  });

  it('refuses what is no whole number of pages', () => {
    expect(() => unpackPages(zlibSync(Uint8Array.of(1, 0, 0, 0, 9, 0, 0, 0, 1)))).to.throw('9 bytes are not 1 pages');
  });
});
