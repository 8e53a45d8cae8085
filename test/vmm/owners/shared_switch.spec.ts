// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SharedSwitch } from '../../../src/vmm/owners/shared_switch.js';

function shared(change: (isOn: boolean) => void = () => {}) {
  const changes: boolean[] = [];
  const it = new SharedSwitch((isOn) => {
    change(isOn);
    changes.push(isOn);
  });
  return { it, changes };
}

describe('SharedSwitch', () => {
  it('is on as long as anybody asks for it', () => {
    const { it, changes } = shared();
    const [first, second] = [it.request(), it.request()];
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(it.isOn).to.equal(true);
    second[Symbol.dispose]();
    expect(it.isOn).to.equal(false);
    expect(changes).to.deep.equal([true, true, false]);
  });

  it('stays off when it cannot be turned on', () => {
    const { it } = shared(() => {
      throw new Error('not allowed');
    });
    expect(() => it.request()).to.throw('not allowed');
    expect(it.isOn).to.equal(false);
  });

  it('is applied again only if it is on', () => {
    const { it, changes } = shared();
    it.apply();
    expect(changes).to.deep.equal([]);
    it.request();
    it.apply();
    expect(changes).to.deep.equal([true, true]);
  });
});
