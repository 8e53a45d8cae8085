// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { EptAccess } from '../../../src/vmm/ept/ept.js';
import { MemoryManagerError, VmcsError } from '../../../src/vmm/errors.js';
import { asker, ept, fakeVmcs } from './ept_fixture.js';

const page = 0x201000n;
const neighbour = 0x202000n;
const identity = (at: bigint): bigint => at | 7n | (6n << 3n);

/** `Ept` with a page of a contribution's. */
function shared() {
  const fixture = ept();
  const { it, manager } = fixture;
  const copy = manager.alloc(4096);
  const physical = manager.virtualToPhysical(copy);
  return { ...fixture, copy, physical, view: it.view('hook') };
}

describe('Ept.share', () => {
  it('lets a view lead a page to one of the VMM’s, and no other', () => {
    const { it, manager, copy, physical, view, leaf } = shared();
    const other = manager.virtualToPhysical(manager.alloc(4096));
    it.share(asker, copy);
    view.redirect(page, physical + 0x123n);
    view.restrict(page, EptAccess.Execute);
    expect(leaf(view.pointer, page).entry).to.equal(physical | 4n | (6n << 3n));
    expect(() => view.redirect(neighbour, other)).to.throw(VmcsError, /'hook'.*no page may lead to 0x.*Ept\.share/);
    expect(() => view.redirect(neighbour, physical - 0x1000n)).to.throw(VmcsError);
    expect(() => view.map(neighbour, other, 0x1000, 0)).to.throw(VmcsError);
    const entry = view.entry(page);
    entry.value = physical | 1n;
    expect(() => (entry.value = other | 1n)).to.throw(VmcsError);
    expect(leaf(view.pointer, page).entry).to.equal(physical | 1n);
  });

  it('does not put the page where the guest would find it by its own address', () => {
    const { it, machine, leaf, copy, physical, view } = shared();
    it.share(asker, copy);
    expect(() => view.map(physical, physical, 0x1000, EptAccess.All)).to.throw(VmcsError, /excludes/);
    view.restore(physical);
    const { unbacked, regions } = machine.memory;
    const atBase = unbacked.physical + (physical - regions[0]!.physical);
    expect(leaf(view.pointer, physical).entry & ~0xfffn, 'where the base leads it').to.equal(atBase);
    expect(it.excludes(physical, 4096n)).to.equal(true);
  });

  it('shares all pages of an allocation, and nothing beyond it', () => {
    const { it, manager, view } = shared();
    const two = manager.alloc(8192);
    it.share(asker, two);
    const physical = manager.virtualToPhysical(two);
    view.redirect(page, physical);
    view.redirect(neighbour, physical + 0x1000n);
    expect(() => view.redirect(neighbour, physical + 0x2000n)).to.throw(VmcsError);
    expect(() => view.redirect(neighbour, physical - 1n)).to.throw(VmcsError);
  });

  for (const [what, address] of [
    ['an address in the middle of an allocation', (copy: bigint) => copy + 0x1000n],
    ['an address inside a page', (copy: bigint) => copy + 8n],
    ['0', () => 0n],
    ['an address that is none of the VMM’s', () => 0x1000n],
  ] as const)
    it(`refuses ${what}`, () => {
      const { it, manager } = shared();
      const two = manager.alloc(8192);
      expect(() => it.share(asker, address(two))).to.throw(MemoryManagerError, /not an allocation of whole pages/);
    });

  it('refuses less than pages, which have neighbours', () => {
    const { it, manager } = shared();
    expect(() => it.share(asker, manager.alloc(64))).to.throw(MemoryManagerError, /not an allocation of whole pages/);
  });

  it('refuses a page that was freed', () => {
    const { it, manager, copy } = shared();
    manager.free(copy);
    expect(() => it.share(asker, copy)).to.throw(MemoryManagerError, /not an allocation of whole pages/);
  });

  it('refuses tables, its own and each page of them', () => {
    const { it, manager, view } = shared();
    view.restrict(page, 0);
    const tables = view.tablesToDescriptors();
    expect(tables.length).to.be.greaterThan(2);
    for (const { virtual, physical } of tables) {
      expect(() => it.share(asker, virtual)).to.throw(
        MemoryManagerError,
        /a structure that the processor or the VMM relies/,
      );
      expect(() => view.redirect(page, physical)).to.throw(VmcsError);
    }
    expect(() => it.share(asker, manager.physicalToVirtual(it.pointer() & ~0xfffn))).to.throw(
      MemoryManagerError,
      /structure/,
    );
  });

  it('keeps a shared page from being freed, and so from becoming a table', () => {
    const { it, manager, copy } = shared();
    const request = it.share(asker, copy);
    expect(() => manager.free(copy)).to.throw(MemoryManagerError, /is shared with guests.*dispose the request/);
    expect(manager.size(copy)).to.equal(4096);
    request[Symbol.dispose]();
    manager.free(copy);
    expect(manager.size(copy)).to.equal(0);
  });

  describe('when its request is disposed', () => {
    it('gives back the pages that lead there, in each view, and invalidates', () => {
      const { it, machine, manager, copy, physical, view, leaf, invepts } = shared();
      const bare = it.view('bare', 'nothing');
      const request = it.share(asker, copy);
      view.redirect(page, physical);
      view.restrict(page, EptAccess.Execute);
      view.redirect(neighbour, 0x300000n);
      bare.map(0x5000n, physical, 0x1000, EptAccess.Read);
      bare.map(0x6000n, 0x7000n, 0x1000, EptAccess.Read);
      it.enter(asker, fakeVmcs(machine).vmcs, view);
      const before = invepts.length;
      request[Symbol.dispose]();
      expect(leaf(view.pointer, page).entry).to.equal(identity(page));
      expect(leaf(view.pointer, neighbour).entry).to.equal(identity(0x300000n));
      expect(leaf(bare.pointer, 0x5000n).entry).to.equal(0n);
      expect(leaf(bare.pointer, 0x6000n).entry & ~0xfffn).to.equal(0x7000n);
      expect(invepts.slice(before)).to.deep.equal([[1, view.pointer]]);
      expect(() => view.redirect(page, physical)).to.throw(VmcsError);
      request[Symbol.dispose]();
      manager.free(copy);
    });

    it('gives back pages of combined views', () => {
      const { it, machine, copy, physical, view, leaf } = shared();
      const other = it.view('other');
      other.restrict(neighbour, 0);
      const request = it.share(asker, copy);
      view.redirect(page, physical);
      const { vmcs } = fakeVmcs(machine);
      it.enter(asker, vmcs, view);
      it.enter(asker, vmcs, other);
      const pointer = machine.fields.get(0x201a)!;
      expect(leaf(pointer, page).entry).to.equal(identity(physical));
      request[Symbol.dispose]();
      expect(leaf(pointer, page).entry).to.equal(identity(page));
    });

    it('waits for the last one that shares the page', () => {
      const { it, manager, copy, physical, view, leaf } = shared();
      const [first, second] = [it.share(asker, copy), it.share(asker, copy)];
      view.redirect(page, physical);
      first[Symbol.dispose]();
      first[Symbol.dispose]();
      expect(leaf(view.pointer, page).entry).to.equal(identity(physical));
      expect(() => manager.free(copy)).to.throw(MemoryManagerError);
      second[Symbol.dispose]();
      expect(leaf(view.pointer, page)).to.deep.equal(leaf(it.pointer(), page));
    });

    it('does not let an entry without access come to life again', () => {
      const { it, copy, physical, view, leaf } = shared();
      const request = it.share(asker, copy);
      view.redirect(page, physical);
      view.restrict(page, 0);
      request[Symbol.dispose]();
      expect(() => view.restrict(page, EptAccess.Read)).to.throw(VmcsError, /no page may lead to/);
      expect(leaf(view.pointer, page).entry & 7n).to.equal(0n);
      view.restore(page);
      expect(leaf(view.pointer, page)).to.deep.equal(leaf(it.pointer(), page));
    });
  });

  it('does not let an entry of a larger page without access come to life', () => {
    const { view, leaf, own } = shared();
    view.map(0x200000n, 0x200000n, 0x200000, EptAccess.All);
    view.entry(page).value = own | 0x80n;
    expect(() => view.restrict(page, EptAccess.All)).to.throw(VmcsError, /no page may lead to/);
    expect(leaf(view.pointer, page).entry & 7n).to.equal(0n);
  });
});
