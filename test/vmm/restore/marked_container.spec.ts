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
});
