// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../src/machine/layout.js';
import { readFlags, writeFlags } from '../../../src/machine/processor/lazy_flags.js';

describe('lazy flags', () => {
  const u32 = new Uint32Array(0x2000 >>> 2);

  it('come back as they were written, all 64 combinations', () => {
    for (let i = 0; i < 64; i++) {
      const flags = [1, 4, 0x10, 0x40, 0x80, 0x800].reduce(
        (sum, flag, bit) => sum | ((i >> bit) & 1 ? flag : 0),
        0x3202,
      );
      writeFlags(u32, flags);
      expect(readFlags(u32), flags.toString(16)).to.equal(flags);
    }
  });

  it('are read as the core computes them: 1 − 2 sets CF, PF, AF, SF', () => {
    u32[Layout.RFLAGS_SYSTEM >>> 2] = 2;
    u32.set([0xffffffff, 0xffffffff], Layout.FR >>> 2);
    // a ^ b ^ r = 1 ^ 2 ^ −1
    u32.set([0xfffffffc, 0xffffffff], Layout.FX >>> 2);
    u32.set([1, 0], Layout.FC >>> 2);
    expect(readFlags(u32)).to.equal(0x2 | 0x1 | 0x4 | 0x10 | 0x80);
  });
});
