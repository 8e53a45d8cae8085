// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseMemorySize, parseSize } from '../../../src/bfm/options/memory_size.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';

describe('parseMemorySize', () => {
  it('reads sizes from 16M to 3072M', () => {
    expect(parseMemorySize('16M')).to.equal(16 << 20);
    expect(parseMemorySize('1g')).to.equal(2 ** 30);
    expect(parseMemorySize('3072MiB')).to.equal(3 * 2 ** 30);
    expect(parseMemorySize('65536K')).to.equal(64 << 20);
  });

  for (const [text, message] of [
    ['4T', /outside 16M … 3072M/],
    ['15M', /outside/],
    ['3073M', /outside/],
    ['512', /number and a unit/],
    ['-1M', /it must be a whole number and a unit/],
    ['16385K', /whole number of mebibytes/],
  ] as const) {
    it(`refuses ${text}`, () => {
      expect(() => parseMemorySize(text)).to.throw(UsageError, message);
    });
  }
});

describe('parseSize', () => {
  it('reads any size, and names the option of what is none', () => {
    expect(['4K', '20M', '2T'].map((text) => parseSize('--x', text))).to.deep.equal([4096, 20 << 20, 2 ** 41]);
    expect(() => parseSize('--x', '1.5G')).to.throw(UsageError, '--x 1.5G: it must be a whole number and a unit');
  });
});
