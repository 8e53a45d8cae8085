// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { seededOrder } from '../../../src/session/explore/seeded_order.js';

const all = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, place) => place).map(seededOrder(count, seed));

describe('seededOrder', () => {
  it('has each number once', () => {
    for (const count of [0, 1, 2, 3, 4, 5, 16, 17, 1000, 4097]) {
      const sorted = all(count, 7).sort((one, other) => one - other);
      expect(sorted, `${count}`).to.deep.equal(Array.from({ length: count }, (_, place) => place));
    }
  });

  it('is the same for the same seed, and another one for another seed', () => {
    expect(all(100, 1)).to.deep.equal(all(100, 1));
    expect(all(100, 1)).to.not.deep.equal(all(100, 2));
    expect(all(100, 1)).to.not.deep.equal([...all(100, 1)].sort((one, other) => one - other));
  });

  it('takes counts beyond 32 bits', () => {
    const [count, numbers] = [2 ** 45 + 3, new Set<number>()];
    const order = seededOrder(count, 3);
    for (let place = 0; place < 1000; place++) {
      const number = order(place);
      expect(number).to.be.within(0, count - 1);
      numbers.add(number);
    }
    expect(numbers.size).to.equal(1000);
    expect(Math.max(...numbers)).to.be.greaterThan(2 ** 44);
  });
});
