// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { leastAllocation } from './least_allocation.js';

const events = 10_000;

describe('leastAllocation', () => {
  it('finds an object that each event allocates', () => {
    const kept: object[] = new Array<object>(events);
    let pieces = 0;
    const bytes = leastAllocation(() => {
      if (pieces++ === 10) return undefined;
      for (let event = 0; event < events; event++) kept[event] = { event };
      return events;
    });
    expect(bytes).to.be.within(12, 100);
    expect(pieces, 'tries all pieces').to.equal(11);
  });

  it('ends at the first piece without an allocation', () => {
    const counts = new Uint32Array(1);
    let pieces = 0;
    const bytes = leastAllocation(() => {
      if (pieces++ === 10) return undefined;
      for (let event = 0; event < events; event++) counts[0]!++;
      return events;
    });
    expect(bytes).to.be.below(0.5);
    expect(pieces).to.be.below(11);
  });
});
