// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { MemoryType } from '../../../src/intrinsics/registers/registers.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { EptAccess } from '../../../src/vmm/ept/ept.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { asker, ept, fakeVmcs } from './ept_fixture.js';

const page = 0x201000n;

describe('EptViewIntelX64', () => {
  it('begins as the base map, with its own tables', () => {
    const { it, leaf } = ept();
    const view = it.view('mine');
    expect(view.pointer).to.not.equal(it.pointer());
    expect(leaf(view.pointer, page)).to.deep.equal(leaf(it.pointer(), page));
    expect(it.view('mine')).to.equal(view);
    expect(it.view('other').pointer).to.not.equal(view.pointer);
  });

  it('takes accesses away from one page only, and not in the base', () => {
    const { it, leaf } = ept();
    const view = it.view('mine');
    view.restrict(page + 0x123n, EptAccess.Read | EptAccess.Execute);
    expect(leaf(view.pointer, page)).to.deep.equal({ entry: page | 5n | (6n << 3n), shift: 12n });
    expect(leaf(view.pointer, page + 0x1000n).entry).to.equal((page + 0x1000n) | 7n | (6n << 3n));
    expect(leaf(view.pointer, page - 0x1000n).entry & 7n).to.equal(7n);
    expect(leaf(view.pointer, 0x400000n)).to.deep.include({ shift: 21n });
    expect(leaf(it.pointer(), page).shift).to.equal(30n);
    view.restrict(page, 0);
    expect(leaf(view.pointer, page).entry & 7n).to.equal(0n);
  });

  it('redirects a page, and restores it', () => {
    const { it, leaf } = ept();
    const view = it.view('mine');
    view.redirect(page, 0x300000n);
    expect(leaf(view.pointer, page).entry).to.equal(0x300000n | 7n | (6n << 3n));
    view.restrict(page, 0);
    view.restore(page);
    expect(leaf(view.pointer, page)).to.deep.equal(leaf(it.pointer(), page));
  });

  it('gives the tables of a split page back when all of it is restored, and drops translations once', () => {
    const { it, machine, invepts, leaf } = ept();
    const view = it.view('mine');
    const { vmcs } = fakeVmcs(machine);
    it.enter(asker, vmcs, view);
    const tables = view.tablesToDescriptors().length;
    const neighbour = page + 0x1000n;
    const far = page + 0x200000n;
    for (const each of [page, neighbour, far]) view.restrict(each, 0);
    expect(view.tablesToDescriptors()).to.have.length(tables + 3);
    view.restore(page);
    expect(leaf(view.pointer, page), 'a neighbour is still another').to.deep.include({ shift: 12n });
    view.restore(neighbour);
    expect(leaf(view.pointer, page), 'the gigabyte is still another').to.deep.include({ shift: 21n });
    invepts.length = 0;
    view.restore(far);
    expect(leaf(view.pointer, page)).to.deep.equal(leaf(it.pointer(), page));
    expect(view.tablesToDescriptors()).to.have.length(tables);
    expect(invepts).to.deep.equal([[1, view.pointer]]);
  });

  it('keeps a page split that differs from the base in anything but its size', () => {
    const { it, leaf } = ept();
    const view = it.view('mine');
    view.map(0x200000n, 0x200000n, 0x200000, EptAccess.All, MemoryType.Uncacheable);
    view.restrict(page, 0);
    view.restore(page);
    expect(leaf(view.pointer, page)).to.deep.equal({ entry: page | 7n | (6n << 3n), shift: 12n });
    expect(leaf(view.pointer, page + 0x1000n)).to.deep.equal({ entry: (page + 0x1000n) | 7n, shift: 12n });
  });

  it('keeps the base’s smaller pages around the VMM’s memory', () => {
    const { it, own, leaf } = ept();
    const view = it.view('mine');
    const near = own - 0x1000n;
    const tables = view.tablesToDescriptors().length;
    view.restrict(near, 0);
    view.restore(near);
    expect(leaf(view.pointer, near)).to.deep.equal(leaf(it.pointer(), near));
    expect(leaf(view.pointer, own)).to.deep.equal(leaf(it.pointer(), own));
    expect(view.tablesToDescriptors()).to.have.length(tables);
  });

  it('never adds what the base excludes', () => {
    const { it, own } = ept();
    const view = it.view('mine');
    expect(() => view.restrict(own, 7)).to.throw(VmcsError, /'mine'.*excludes the page at 0x100000000/);
    expect(() => view.redirect(page, own + 0x5000n)).to.throw(VmcsError);
    expect(() => view.redirect(own, page)).to.throw(VmcsError);
    expect(() => view.restore(1n << 39n)).to.throw(VmcsError);
  });

  it("restores a page of the VMM's to where the base leads it: no memory", () => {
    const { it, machine, own, leaf } = ept();
    const view = it.view('mine', 'nothing');
    view.restore(own + 0x5000n);
    expect(leaf(view.pointer, own + 0x5000n)).to.deep.equal({
      entry: (machine.memory.unbacked.physical + 0x5000n) | 7n,
      shift: 12n,
    });
  });

  it('refuses write without read', () => {
    expect(() => ept().it.view('mine').restrict(page, EptAccess.Write)).to.throw(VmcsError, /misconfiguration/);
  });

  it('invalidates when it changes after a vcpu used it', () => {
    const { it, machine, invepts } = ept();
    const view = it.view('mine');
    view.restrict(page, 0);
    expect(invepts).to.deep.equal([]);
    const { vmcs } = fakeVmcs(machine);
    const request = it.enter(asker, vmcs, view);
    expect(machine.fields.get(VmcsField.EptPointer)).to.equal(view.pointer);
    expect(invepts, 'an earlier VMM may have used the same address').to.deep.equal([[1, view.pointer]]);
    view.restore(page);
    expect(invepts).to.deep.equal([
      [1, view.pointer],
      [1, view.pointer],
    ]);
    request[Symbol.dispose]();
    request[Symbol.dispose]();
    expect(machine.fields.get(VmcsField.EptPointer)).to.equal(it.pointer());
  });

  it('refuses execute-only pages where the processor has none', () => {
    const { it, machine, leaf } = ept();
    const view = it.view('mine');
    view.restrict(page, EptAccess.Execute);
    expect(leaf(view.pointer, page).entry & 7n).to.equal(4n);
    machine.msr.set(Msr.Ia32VmxEptVpidCap, machine.msr.get(Msr.Ia32VmxEptVpidCap)! & ~1n);
    expect(() => view.restrict(page, EptAccess.Execute)).to.throw(VmcsError, /execute-only/);
    expect(() => view.restrict(page, 8)).to.throw(VmcsError, /0x8 is not an access/);
  });

  describe('.map', () => {
    it('joins smaller pages and splits larger ones', () => {
      const { it, leaf } = ept();
      const view = it.view('mine', 'nothing');
      expect(leaf(view.pointer, page).entry).to.equal(0n);
      view.map(0n, 0x40000000n, 0x40000000, EptAccess.All);
      expect(leaf(view.pointer, page)).to.deep.equal({ entry: 0x40000000n | 0x80n | 7n | (6n << 3n), shift: 30n });
      view.map(0x200000n, 0x600000n, 0x200000, EptAccess.Read, MemoryType.Uncacheable);
      expect(leaf(view.pointer, page)).to.deep.equal({ entry: 0x600000n | 0x80n | 1n, shift: 21n });
      view.map(page, 0x800000n, 0x1000, 0);
      expect(leaf(view.pointer, page + 0x1000n).entry).to.equal(0x602000n | 1n);
      expect(leaf(view.pointer, 0x400000n).entry, 'the rest is as it was').to.equal(
        0x40400000n | 0x80n | 7n | (6n << 3n),
      );
      const tables = view.tablesToDescriptors().length;
      view.map(0n, 0n, 0x40000000, EptAccess.All);
      expect(leaf(view.pointer, page).shift).to.equal(30n);
      expect(view.tablesToDescriptors().length, 'tables are given back').to.equal(tables - 2);
    });

    it('refuses what is not aligned, what the base excludes, and what lies above it', () => {
      const { it, own } = ept();
      const view = it.view('mine', 'nothing');
      expect(() => view.map(page, 0n, 0x200000, 7)).to.throw(
        VmcsError,
        /'mine'.*not both aligned to a page of 0x200000/,
      );
      expect(() => view.map(0n, 0x1000n, 0x200000, 7)).to.throw(VmcsError, /not both aligned/);
      expect(() => view.map(0n, own & ~0x3fffffffn, 0x40000000, 7)).to.throw(VmcsError, /excludes/);
      expect(() => view.map(own, 0n, 0x1000, 7)).to.throw(VmcsError, /excludes/);
      expect(() => view.map(0n, 1n << 39n, 0x1000, 7)).to.throw(VmcsError, /excludes/);
      expect(() => view.map(-0x1000n, 0n, 0x1000, 7)).to.throw(VmcsError, /excludes/);
      expect(view.tablesToDescriptors(), 'nothing was mapped').to.have.length(1);
    });
  });

  describe('.unmap', () => {
    it('unmaps the page, whatever its size, and nothing else', () => {
      const { it, leaf } = ept();
      const view = it.view('mine');
      view.unmap(page);
      expect(leaf(view.pointer, 0x3ffff000n).entry).to.equal(0n);
      expect(leaf(view.pointer, 0x40000000n).entry).to.not.equal(0n);
      view.unmap(page);
      expect(() => view.restrict(page, 0)).to.throw(VmcsError, /nothing is mapped at 0x201000/);
      expect(() => view.redirect(page, 0n)).to.throw(VmcsError, /nothing is mapped/);
      view.restore(page);
      expect(leaf(view.pointer, page).entry).to.equal(page | 7n | (6n << 3n));
    });

    it('forgets a range exactly', () => {
      const { it, leaf } = ept();
      const view = it.view('mine');
      view.unmapRange(0x1ff000n, 0x602000n);
      const isMapped = (address: bigint): boolean => leaf(view.pointer, address).entry !== 0n;
      expect([0x1fe000n, 0x1ff000n, 0x200000n, 0x5ff000n, 0x601000n, 0x602000n].map(isMapped)).to.deep.equal([
        true,
        false,
        false,
        false,
        false,
        true,
      ]);
      view.unmapRange(0n, 1n << 39n);
      expect(view.tablesToDescriptors()).to.have.length(1);
      expect(() => view.unmapRange(1n, 0x1000n)).to.throw(VmcsError, /4 KiB/);
    });
  });

  describe('.entry', () => {
    it('reads and writes all bits of the page’s entry', () => {
      const { it, leaf } = ept();
      const view = it.view('mine');
      const entry = view.entry(page);
      expect(entry.size).to.equal(0x40000000);
      expect(entry.value).to.equal(leaf(view.pointer, page).entry);
      entry.value &= ~2n;
      expect(leaf(view.pointer, page).entry & 7n).to.equal(5n);
      entry.value = 0n;
      expect(() => view.entry(page)).to.throw(VmcsError, /nothing is mapped at 0x201000/);
    });

    it('refuses what would lead to a table, between two pages, or to the VMM’s memory', () => {
      const { it, own } = ept();
      const view = it.view('mine');
      view.map(0x200000n, 0x200000n, 0x200000, 7);
      const entry = view.entry(page);
      const before = entry.value;
      expect(() => (entry.value &= ~0x80n)).to.throw(VmcsError, /needs bit 7/);
      expect(() => (entry.value |= 0x1000n)).to.throw(VmcsError, /not aligned to the page of 0x200000/);
      expect(() => (entry.value = own | 0x87n)).to.throw(VmcsError, /excludes/);
      expect(entry.value).to.equal(before);
      entry.value = own | 0x80n;
      expect(() => (entry.value |= 1n), 'access comes after the address').to.throw(VmcsError, /excludes/);
    });

    it('is of no use when the page was split since', () => {
      const { it } = ept();
      const view = it.view('mine');
      const entry = view.entry(page);
      view.restrict(page, 0);
      expect(() => entry.value).to.throw(VmcsError, /was split, joined or unmapped/);
      expect(() => (entry.value = 0n)).to.throw(VmcsError, /was split, joined or unmapped/);
    });
  });
});
