// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PAGE_BYTES } from '../../../src/machine/memory/page_contents.js';
import { PagePacking } from '../../../src/machine/state/page_packing.js';
import { randomNumbers } from '../random_numbers.js';

/** A page with a value for each byte. */
const pageOf = (value: (at: number) => number): Uint8Array =>
  Uint8Array.from({ length: PAGE_BYTES }, (_, at) => value(at));

describe('PagePacking', () => {
  const packing = new PagePacking();

  /** @returns how many bytes a page takes, after it was unpacked and compared */
  function packedBytes(page: Uint8Array): number | undefined {
    const packed = packing.pack(page);
    if (packed === undefined) return undefined;
    const unpacked = new Uint8Array(PAGE_BYTES).fill(0xee);
    packing.unpack(packed, unpacked);
    expect(Buffer.compare(unpacked, page), 'the same page').to.equal(0);
    return packed.length;
  }

  it('makes a few bytes of a page of one value', () => {
    for (const value of [0, 0xff]) expect(packedBytes(pageOf(() => value))).to.be.at.most(25);
  });

  it('leaves out what repeats', () => {
    const random = randomNumbers(1);
    const row = Uint8Array.from({ length: 300 }, () => random(256));
    expect(packedBytes(pageOf((at) => row[at % row.length]!))).to.be.within(300, 340);
  });

  it('does not pack noise', () => {
    const random = randomNumbers(2);
    expect(packedBytes(pageOf(() => random(256)))).to.equal(undefined);
  });

  it('gives back each page: counts at their limits, repetitions at the ends', () => {
    const random = randomNumbers(3);
    for (const noise of [0, 1, 14, 15, 16, 269, 270, 271, 524, 525, 526, 3000]) {
      const page = pageOf((at) => (at < noise ? random(256) : 7));
      expect(packedBytes(page), `${noise} bytes at the start`).to.be.at.most(noise + 60);
      expect(packedBytes(page.slice().reverse()), `${noise} bytes at the end`).to.be.at.most(noise + 60);
    }
  });

  it('gives back pages of random parts, as memory has them', () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = randomNumbers(seed);
      const page = new Uint8Array(PAGE_BYTES);
      for (let at = 0; at < PAGE_BYTES;) {
        const length = Math.min(1 + random(200), PAGE_BYTES - at);
        const kind = random(3);
        if (kind === 0) page.fill(random(256), at, at + length);
        else if (kind === 1 && at > 0) page.copyWithin(at, random(at), Math.min(at, at + length));
        else for (let i = 0; i < length; i++) page[at + i] = random(256);
        at += length;
      }
      packedBytes(page);
    }
  });
});
