// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { CountedOwner } from '../../../src/vmm/requests/counted_owner.js';
import type { Request } from '../../../src/vmm/requests/request.js';

const mine = { name: 'mine' };

class Lamps extends CountedOwner<number> {
  readonly owner = 'Lamps';
  readonly log: [number, boolean][] = [];
  isBroken = false;

  want(key: number): Request {
    return this.ask(mine, key);
  }

  lit(): number[] {
    return [...this.keys()];
  }

  howMany(key: number): number {
    return this.count(key);
  }

  protected turn(key: number, isOn: boolean): void {
    if (this.isBroken) throw new Error('not allowed');
    this.log.push([key, isOn]);
  }
}

describe('CountedOwner', () => {
  it('turns a key on at each request, and off when the last one has gone', () => {
    const it = new Lamps();
    const [first, second, other] = [it.want(5), it.want(5), it.want(6)];
    expect([it.howMany(5), it.howMany(6), it.howMany(7)]).to.deep.equal([2, 1, 0]);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(it.lit()).to.deep.equal([5, 6]);
    other[Symbol.dispose]();
    second[Symbol.dispose]();
    expect(it.lit()).to.deep.equal([]);
    expect(it.log).to.deep.equal([
      [5, true],
      [5, true],
      [6, true],
      [6, false],
      [5, false],
    ]);
  });

  it('stays off when it cannot be turned on', () => {
    const it = new Lamps();
    it.isBroken = true;
    expect(() => it.want(5)).to.throw('not allowed');
    expect(it.lit()).to.deep.equal([]);
  });

  it('starts a new count when it is attached', () => {
    const it = new Lamps();
    const [request] = [it.want(5), it.want(6)];
    it.attach();
    it.attach();
    expect([it.howMany(5), it.howMany(6)]).to.deep.equal([1, 1]);
    request[Symbol.dispose]();
    expect(it.lit()).to.deep.equal([6]);
  });
});
