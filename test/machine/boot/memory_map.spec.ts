// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { memoryMap, upperMemory } from '../../../src/machine/boot/memory_map.js';

const MEBIBYTE = 2 ** 20;

describe('upperMemory', () => {
  it('counts from 1 MiB to the end of guest RAM at every memory size', () => {
    for (const mebibytes of [16, 17, 512, 2048, 3072])
      expect(upperMemory(memoryMap(mebibytes * MEBIBYTE))).to.equal((mebibytes - 1) * MEBIBYTE);
  });

  it('does not count beyond the first hole', () => {
    const map = memoryMap(64 * MEBIBYTE);
    expect(upperMemory([...map, { start: 2 ** 32, size: 2 ** 30, type: 1 }])).to.equal(63 * MEBIBYTE);
    expect(upperMemory(map.filter(({ start }) => start < MEBIBYTE))).to.equal(0);
  });
});
