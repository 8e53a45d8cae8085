// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { injectable } from 'inversify';
import { component } from '../../../src/intrinsics/component.js';
import { vmmModule } from '../../../src/vmm/container/part_module.js';
import { VmmContainer } from '../../../src/vmm/container/vmm_container.js';
import { MarkedContainer } from '../../../src/vmm/restore/marked_container.js';
import { derived, state, type Attachable } from '../../../src/vmm/state/state.js';

@injectable()
class Part implements Attachable {
  @state() count = 1;
  @state() bytes = Uint8Array.of(1, 2);
  @state() pool: { next: bigint; used: Uint32Array; list: number[] } = { next: 5n, used: Uint32Array.of(7), list: [1] };
  @state() names = new Map([[1, ['one']]]);
  @state() later: Uint8Array | undefined;
  @state() set = new Set([1, 2]);
  @state() object = { a: { b: 1n }, c: [1] };
  @derived() attached = 0;

  attach(): void {
    this.attached = this.count;
  }
}
const PartSymbol = component<Part>('test.marked.Part', 'vmm');

function marked() {
  const module = vmmModule(({ bind }) => bind(PartSymbol).to(Part));
  const container = VmmContainer.create(module.record('marked.ts'));
  return { part: container.get(PartSymbol), mark: new MarkedContainer(container.vmmParts()) };
}

describe('MarkedContainer', () => {
  it('sets the state as often as wanted, and attaches the parts', () => {
    const { part, mark } = marked();
    for (let times = 0; times < 2; times++) {
      part.count = 9;
      part.bytes[0] = 9;
      Object.assign(part.pool, { next: 9n, list: [9] });
      part.pool.used[0] = 9;
      part.names.get(1)!.push('two');
      part.later = Uint8Array.of(9);
      part.attached = 9;
      mark.reset();
      expect({ ...part }).to.deep.equal({
        count: 1,
        bytes: Uint8Array.of(1, 2),
        pool: { next: 5n, used: Uint32Array.of(7), list: [1] },
        names: new Map([[1, ['one']]]),
        later: undefined,
        set: new Set([1, 2]),
        object: { a: { b: 1n }, c: [1] },
        attached: 1,
      });
    }
  });

  it('writes bytes into the arrays that are there, and makes new ones for arrays of another length or type', () => {
    const { part, mark } = marked();
    const { bytes, pool } = part;
    const { used } = pool;
    mark.reset();
    expect([part.bytes, part.pool, part.pool.used].map((each, i) => each === [bytes, pool, used][i])).to.deep.equal([
      true,
      true,
      true,
    ]);
    part.bytes = Uint8Array.of(1, 2, 3);
    part.pool = Object.freeze({ next: 0n, used: new Uint32Array(1), list: [] });
    mark.reset();
    expect(part.bytes).to.deep.equal(Uint8Array.of(1, 2));
    expect(part.pool).to.deep.equal({ next: 5n, used: Uint32Array.of(7), list: [1] });
  });

  it('leaves what did not change, so that a reset takes as long as what changed', () => {
    const { part, mark } = marked();
    const { names, pool } = part;
    mark.reset();
    expect([part.names === names, part.pool === pool]).to.deep.equal([true, true]);
    part.names.set(2, ['two']);
    mark.reset();
    expect(part.names === names).to.equal(false);
  });

  for (const [what, change] of [
    ['an entry deep in a map', (part: Part) => (part.names.get(1)![0] = 'other')],
    ['an entry more in a map', (part: Part) => part.names.set(2, [])],
    ['an entry less in a map', (part: Part) => part.names.clear()],
    ['the order of a set', (part: Part) => (part.set.delete(1), part.set.add(1))],
    ['a value in an object', (part: Part) => (part.object.a.b = 2n)],
    ['a key more in an object', (part: Part) => Object.assign(part.object.a, { more: 1 })],
    ['the order of keys', (part: Part) => Object.assign(part, { object: { c: [1], a: { b: 1n } } })],
    ['the length of a list', (part: Part) => part.object.c.push(2)],
    ['an object instead of a list', (part: Part) => Object.assign(part.object, { c: { 0: 1, length: 1 } })],
    ['a value of another type', (part: Part) => Object.assign(part.object, { c: undefined })],
  ] as const)
    it(`finds ${what}`, () => {
      const { part, mark } = marked();
      const before = structuredClone({ ...part });
      change(part);
      mark.reset();
      expect(structuredClone({ ...part })).to.deep.equal(before);
      expect([Object.keys(part.object), [...part.set]]).to.deep.equal([Object.keys(before.object), [...before.set]]);
    });
});
