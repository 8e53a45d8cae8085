// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { memoryAdvice } from '../../../src/machine/boot/memory_advice.js';
import { parseMemorySize } from '../../../src/bfm/options/memory_size.js';

const LARGEST = 3072 * 2 ** 20;

describe('memoryAdvice', () => {
  it('advises a --memory that bfm takes and that is enough', () => {
    for (const end of [1, 0x1000001, 0x7fffffff, LARGEST - 1, LARGEST]) {
      const size = /^use --memory (\d+M) or more$/.exec(memoryAdvice(end))![1]!;
      expect(parseMemorySize(size)).to.be.at.least(end).and.at.most(LARGEST);
    }
  });

  it('says that no machine has enough memory beyond the limit', () => {
    for (const end of [LARGEST + 1, 2 ** 60])
      expect(memoryAdvice(end)).to.equal('the simulated PC has at most 3072M of memory, so this cannot be loaded');
  });
});
