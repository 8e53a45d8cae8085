// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  areMemoryTypes,
  eferAfter,
  isCanonicalHigh,
  isMtrrDefType,
  isMtrrPhysbase,
  isMtrrPhysmask,
  mayChangeEfer,
  MTRR_TYPES,
  PAT_TYPES,
} from '../../../src/intrinsics/contents/msr_values.js';

describe('areMemoryTypes', () => {
  const types = (allowed: number): number[] =>
    Array.from({ length: 256 }, (_, type) => type).filter((type) => areMemoryTypes(type, allowed));

  it('takes the memory types 0, 1, 4, 5, 6 and 7 in each byte of IA32_PAT, and 7 in no MTRR', () => {
    expect(types(PAT_TYPES)).to.deep.equal([0, 1, 4, 5, 6, 7]);
    expect(types(MTRR_TYPES)).to.deep.equal([0, 1, 4, 5, 6]);
    for (const shift of [8, 16, 24])
      for (let type = 0; type < 256; type++)
        expect(areMemoryTypes(type << shift, PAT_TYPES), `${type} << ${shift}`).to.equal(
          areMemoryTypes(type, PAT_TYPES),
        );
  });
});

describe('isCanonicalHigh', () => {
  it('wants the sign of the highest bit, of halves with and without a sign', () => {
    for (const high of [0, 0x7fff, -1, 0xffffffff, 0xffff8000, -0x8000])
      expect(isCanonicalHigh(high, 48)).to.equal(true);
    for (const high of [0x8000, 0xffff, 0x7fff8000, 0xffff7fff, -0x8001])
      expect(isCanonicalHigh(high, 48)).to.equal(false);
    expect(isCanonicalHigh(0xff0000, 57)).to.equal(true);
  });
});

describe('MTRRs', () => {
  it("have a type, no reserved bit, and no address beyond the processor's", () => {
    expect(isMtrrDefType(0xc06, 0)).to.equal(true);
    for (const low of [0xc02, 0xc07, 0x100, 0x200, 0x1000, 0x80000000]) expect(isMtrrDefType(low, 0)).to.equal(false);
    expect(isMtrrDefType(6, 1)).to.equal(false);
    expect(isMtrrPhysbase(0xfffff006, 0x7f, 39)).to.equal(true);
    for (const [low, high] of [
      [7, 0],
      [0x106, 0],
      [6, 0x80],
    ] as const)
      expect(isMtrrPhysbase(low, high, 39)).to.equal(false);
    expect(isMtrrPhysmask(0xfffff800, 0x7f, 39)).to.equal(true);
    for (const bit of [0, 7, 10]) expect(isMtrrPhysmask(1 << bit, 0, 39)).to.equal(false);
    expect(isMtrrPhysmask(0, -0x80000000, 39)).to.equal(false);
  });
});

describe('IA32_EFER', () => {
  it('keeps LME while paging is on, and LMA always', () => {
    expect(mayChangeEfer(0, 0x100, 1)).to.equal(true);
    expect(mayChangeEfer(0, 0x100, 0x80000001)).to.equal(false);
    expect(mayChangeEfer(0x500, 0xd01, 0x80000001 | 0)).to.equal(true);
    expect([eferAfter(0x500, 0x101), eferAfter(0x100, 0x500)]).to.deep.equal([0x501, 0x100]);
  });
});
