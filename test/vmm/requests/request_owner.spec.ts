// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ContributionError } from '../../../src/vmm/errors.js';
import type { Request, Requester } from '../../../src/vmm/requests/request.js';
import { RequestOwner } from '../../../src/vmm/requests/request_owner.js';

class Sums extends RequestOwner<number> {
  readonly owner = 'Sums';
  readonly log: string[] = [];

  add(by: Requester, key: number): Request {
    return this.ask(by, key);
  }

  sum(): number {
    return [...this.records.values()].reduce((all, { key }) => all + key, 0);
  }

  protected requested(key: number): void {
    if (key < 0) throw new RangeError('less than nothing');
    this.log.push(`+${key}`);
  }

  protected released(key: number): void {
    this.log.push(`-${key}`);
  }
}

const mine = { name: 'mine' };

describe('RequestOwner', () => {
  it('gives a request that says who asked whom for what', () => {
    const it = new Sums();
    const [first, second] = [it.add(mine, 5), it.add({ name: 'other' }, 5)];
    const { owner, contribution, key, id } = first;
    expect({ owner, contribution, key, id }).to.deep.equal({ owner: 'Sums', contribution: 'mine', key: 5, id: 1 });
    expect([second.contribution, second.id]).to.deep.equal(['other', 2]);
  });

  it('keeps a request until it is disposed, once', () => {
    const it = new Sums();
    const [first, second] = [it.add(mine, 5), it.add(mine, 6)];
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(it.sum()).to.equal(6);
    it.release(second.id);
    second[Symbol.dispose]();
    it.release(77);
    expect(it.sum()).to.equal(0);
    expect(it.log).to.deep.equal(['+5', '+6', '-5', '-6']);
  });

  it('keeps nothing that could not take effect', () => {
    const it = new Sums();
    expect(() => it.add(mine, -1)).to.throw(RangeError);
    expect(it.sum()).to.equal(0);
    expect(it.log).to.deep.equal([]);
  });

  for (const by of [undefined, 5, 'text', { name: '' }])
    it(`refuses ${JSON.stringify(by) ?? 'nothing'} as the one who asks`, () => {
      expect(() => new Sums().add(by as unknown as Requester, 5)).to.throw(
        ContributionError,
        /Sums got a request without a contribution's name: the first argument is the contribution that asks, `this`/,
      );
    });
});
