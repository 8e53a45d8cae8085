// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { component, contribution } from '../../../src/intrinsics/component.js';
import type { Contribution } from '../../../src/vmm/container/contribution.js';
import { addNamed, partName } from '../../../src/vmm/container/part_names.js';

const Clock = component<object>('test.names.Clock', 'vmm');
const Hook = contribution<Contribution>('test.names.Hook', 'vcpu');
class Helper {}

describe('partName', () => {
  it('names the symbol, the contribution, or the class', () => {
    expect(partName(Clock, new Helper())).to.equal('test.names.Clock');
    expect(partName(Hook, { name: 'mine' })).to.equal('test.names.Hook: mine');
    expect(partName(Helper, new Helper())).to.equal('class Helper');
  });
});

describe('addNamed', () => {
  it('numbers equal names', () => {
    const parts = new Map<string, number>();
    for (const part of [1, 2, 3]) addNamed(parts, 'class Helper', part);
    addNamed(parts, 'other', 4);
    expect([...parts]).to.deep.equal([
      ['class Helper', 1],
      ['class Helper (2)', 2],
      ['class Helper (3)', 3],
      ['other', 4],
    ]);
  });
});
