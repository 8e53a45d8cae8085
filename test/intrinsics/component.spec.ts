// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { component, contribution, declarationOf, noMembers } from '../../src/intrinsics/component.js';

describe('component and contribution', () => {
  it('give one symbol for one name, and remember scope and arity', () => {
    const part = component('test.component.Part', 'vmm');
    expect(part).to.equal(Symbol.for('test.component.Part'));
    expect(component('test.component.Part', 'vmm')).to.equal(part);
    expect(declarationOf(part)).to.deep.equal({
      name: 'test.component.Part',
      scope: 'vmm',
      arity: 'one',
      members: noMembers,
    });
    const point = contribution<{ a: number[]; b(): void; c?(): void }>('test.component.Point', 'vcpu', {
      numbers: ['a'],
      someOf: ['b', 'c'],
    });
    expect(declarationOf(point)).to.deep.equal({
      name: 'test.component.Point',
      scope: 'vcpu',
      arity: 'many',
      members: { ...noMembers, numbers: ['a'], someOf: ['b', 'c'] },
    });
  });

  it('know nothing of symbols that nobody declared', () => {
    expect(declarationOf(Symbol('test.component.Loose'))).to.equal(undefined);
  });

  const second: [string, () => symbol][] = [
    ['another scope', () => component('test.component.Twice', 'vcpu')],
    ['another arity', () => contribution('test.component.Twice', 'vmm')],
  ];
  for (const [what, declare] of second) {
    it(`refuse a second declaration with ${what}, naming both`, () => {
      component('test.component.Twice', 'vmm');
      expect(declare).to.throw(/test\.component\.Twice is declared twice: vmm\/one and v/);
    });
  }
});
