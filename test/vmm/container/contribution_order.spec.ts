// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Contribution } from '../../../src/vmm/container/contribution.js';
import { orderContributions } from '../../../src/vmm/container/contribution_order.js';
import { ContributionOrderError } from '../../../src/vmm/container/load_errors.js';

const names = (contributions: readonly Contribution[]): string[] =>
  orderContributions(
    'a point',
    contributions.map((contribution) => ({ contribution, file: `${contribution.name}.ts` })),
  ).map((entry) => entry.contribution.name);

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) =>
    permutations(items.filter((_, other) => other !== index)).map((rest) => [item, ...rest]),
  );
}

describe('orderContributions', () => {
  it('gives one order for all load orders', () => {
    const four = [{ name: 'd', before: ['b'] }, { name: 'c' }, { name: 'b' }, { name: 'a', after: ['b'] }];
    for (const order of permutations(four)) expect(names(order)).to.deep.equal(['c', 'd', 'b', 'a']);
  });

  it('breaks ties by name', () => {
    expect(names([{ name: 'z' }, { name: 'x' }, { name: 'y' }])).to.deep.equal(['x', 'y', 'z']);
  });

  it('refuses a cycle and names all in it', () => {
    const cycle = [{ name: 'a', before: ['b'] }, { name: 'b', before: ['a'] }, { name: 'c' }];
    expect(() => names(cycle)).to.throw(ContributionOrderError, /'a' \(a\.ts\), 'b' \(b\.ts\).*circular/);
  });

  it('refuses an unknown name and lists the known ones', () => {
    expect(() => names([{ name: 'a', after: ['q'] }, { name: 'b' }])).to.throw(
      ContributionOrderError,
      /'a'.*'q'.*there are a, b/,
    );
  });

  it('refuses two equal names', () => {
    expect(() => names([{ name: 'a' }, { name: 'a' }])).to.throw(ContributionOrderError, /two contributions.*'a'/);
  });

  it('refuses a contribution without a name', () => {
    expect(() => names([{ name: '' }])).to.throw(ContributionOrderError, /has no name/);
  });
});
