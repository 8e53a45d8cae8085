// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { callMethod, refuseMissingMethod } from '../../../src/vmm/container/named_method.js';
import { ContributionError } from '../../../src/vmm/errors.js';

const counter = {
  name: 'counter',
  count: 0,
  add(by: number): void {
    this.count += by;
  },
  async late(): Promise<void> {},
};

describe('refuseMissingMethod', () => {
  it('names contribution and method', () => {
    expect(() => refuseMissingMethod(counter, 'add', 'a step')).not.to.throw();
    for (const name of ['gone', 'count'])
      expect(() => refuseMissingMethod(counter, name, 'a step')).to.throw(
        ContributionError,
        `'counter' asks for a step that calls its method ${name}, but it has none`,
      );
  });
});

describe('callMethod', () => {
  it('calls the method on the contribution', () => {
    counter.count = 1;
    callMethod(counter, 'add', 4);
    expect(counter.count).to.equal(5);
  });

  it('refuses a Promise', () => {
    expect(() => callMethod(counter, 'late', undefined)).to.throw(ContributionError, /late\(\).*returned a Promise/);
  });
});
