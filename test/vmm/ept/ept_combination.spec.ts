// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { EptAccess, type EptView } from '../../../src/vmm/ept/ept.js';
import { OutOfMemoryError, VmcsError } from '../../../src/vmm/errors.js';
import type { MemoryManager } from '../../../src/vmm/memory_manager/memory_manager.js';
import { asker, ept, fakeVmcs } from './ept_fixture.js';

const page = 0x201000n;
const { Read, Write, Execute, All } = EptAccess;

/** How many pages can still be had. */
function freePages(manager: MemoryManager): number {
  const pages: bigint[] = [];
  try {
    for (;;) pages.push(manager.alloc(4096));
  } catch (error) {
    expect(error).to.be.instanceOf(OutOfMemoryError);
  }
  for (const page of pages) manager.free(page);
  return pages.length;
}

/** Two views that one vCPU has entered. */
function two(begin: 'base' | 'nothing' = 'base') {
  const all = ept();
  const { vmcs } = fakeVmcs(all.machine);
  const [one, other] = [all.it.view('one'), all.it.view('other', begin)];
  const enter = (view: EptView) => all.it.enter(asker, vmcs, view);
  const pointer = (): bigint => all.machine.fields.get(VmcsField.EptPointer)!;
  const entry = (address: bigint) => all.leaf(pointer(), address);
  return { ...all, vmcs, one, other, enter, pointer, entry };
}

describe('EptCombination', () => {
  it('permits what both views permit', () => {
    const { one, other, enter, entry } = two();
    one.restrict(page, Read | Write);
    other.restrict(page, Read | Execute);
    one.restrict(page + 0x1000n, 0);
    other.redirect(page + 0x2000n, 0x700000n);
    enter(one);
    enter(other);
    expect(entry(page).entry & 7n).to.equal(1n);
    expect(entry(page + 0x1000n).entry).to.equal(0n);
    expect(entry(page + 0x2000n).entry).to.equal(0x700000n | 7n | (6n << 3n));
    expect(entry(0x400000n), 'in the largest pages that both have').to.deep.equal({
      entry: 0x400000n | 0x80n | 7n | (6n << 3n),
      shift: 21n,
    });
    expect(entry(0x40000000n).shift).to.equal(30n);
  });

  it('is a separate map, the same in any order of entering the views, and gone when one leaves', () => {
    const { it, one, other, enter, pointer } = two();
    const first = enter(one);
    const second = enter(other);
    const both = pointer();
    expect([one.pointer, other.pointer, it.pointer()]).to.not.include(both);
    first[Symbol.dispose]();
    expect(pointer()).to.equal(other.pointer);
    enter(one);
    expect(pointer()).to.equal(both);
    second[Symbol.dispose]();
    expect(pointer()).to.equal(one.pointer);
  });

  it('counts who entered the same view', () => {
    const { one, enter, pointer, it } = two();
    const [first, second] = [enter(one), enter(one)];
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(pointer()).to.equal(one.pointer);
    second[Symbol.dispose]();
    expect(pointer()).to.equal(it.pointer());
  });

  it('follows its views, and says so to the processor', () => {
    const { one, other, enter, entry, pointer, invepts } = two('nothing');
    enter(one);
    enter(other);
    expect(entry(page).entry, 'one maps nothing').to.equal(0n);
    invepts.length = 0;
    other.map(0n, 0n, 0x40000000, All);
    expect(entry(page)).to.deep.equal({ entry: 0x80n | 7n | (6n << 3n), shift: 30n });
    expect(invepts).to.deep.include([1, pointer()]);
    one.restrict(page, 0);
    expect(entry(page).entry).to.equal(0n);
    expect(entry(page + 0x1000n).entry & 7n).to.equal(7n);
    one.restore(page);
    other.map(0x200000n, 0x200000n, 0x200000, Read);
    expect(entry(page).entry & 7n).to.equal(1n);
    other.unmap(0x200000n);
    expect(entry(page).entry).to.equal(0n);
    other.unmapRange(0n, 1n << 39n);
    expect(entry(0n).entry).to.equal(0n);
  });

  it('is uncacheable where views do not agree about the memory type', () => {
    const { one, other, enter, entry } = two();
    other.map(0x200000n, 0x200000n, 0x200000, All, 4);
    enter(one);
    enter(other);
    expect((entry(page).entry >> 3n) & 7n).to.equal(0n);
    expect((entry(0x400000n).entry >> 3n) & 7n).to.equal(6n);
    one.entry(page).value |= 1n << 6n;
    expect((entry(page).entry >> 6n) & 1n, 'ignore PAT').to.equal(1n);
  });

  it('lets both lead a page to the same place', () => {
    const { one, other, enter, entry } = two();
    for (const view of [one, other]) view.redirect(page, 0x700000n);
    enter(one);
    enter(other);
    expect(entry(page).entry & ~0xfffn).to.equal(0x700000n);
  });

  it('is refused when views lead a page to different places, naming them, and leaves nothing behind', () => {
    const { one, other, enter, pointer, manager } = two();
    one.redirect(page, 0x700000n);
    other.redirect(page, 0x800000n);
    enter(one);
    const before = freePages(manager);
    for (let each = 0; each < 3; each++) {
      expect(() => enter(other)).to.throw(VmcsError, /'one' and 'other' lead the page at 0x201000 to different places/);
    }
    expect(pointer()).to.equal(one.pointer);
    expect(freePages(manager)).to.equal(before);
    other.restrict(page, 0);
    enter(other);
    expect(pointer()).to.not.equal(one.pointer);
  });

  it('refuses a change that would lead a page elsewhere than another view of the same vcpu, and changes nothing', () => {
    const { one, other, enter, entry, leaf } = two();
    one.redirect(page, 0x700000n);
    const request = enter(one);
    enter(other);
    expect(() => other.redirect(page, 0x800000n)).to.throw(VmcsError, /'other' and 'one' lead/);
    expect(() => other.map(0x200000n, 0x800000n, 0x200000, All)).to.throw(VmcsError, /'other' and 'one' lead/);
    expect(() => (other.entry(page).value += 0x40000000n)).to.throw(VmcsError, /'other' and 'one' lead/);
    expect(leaf(other.pointer, page).entry & ~0xfffn).to.equal(page);
    expect(entry(page).entry & ~0xfffn).to.equal(0x700000n);
    // Nobody uses both any more.
    request[Symbol.dispose]();
    other.redirect(page, 0x800000n);
    expect(entry(page).entry & ~0xfffn).to.equal(0x800000n);
    expect(() => enter(one)).to.throw(VmcsError, /'one' and 'other' lead/);
  });

  it('lets a view redirect pages that the others do not redirect, whatever their page sizes', () => {
    const { it, one, other, enter, entry } = two();
    one.restrict(page, Read);
    one.redirect(page + 0x1000n, page + 0x1000n + 0x40000000n);
    enter(one);
    enter(other);
    other.map(0x200000n, 0x40200000n, 0x200000, All);
    expect(entry(page).entry).to.equal((page + 0x40000000n) | 1n | (6n << 3n));
    expect(entry(page + 0x1000n).entry & ~0xfffn, 'the same place').to.equal(page + 0x40001000n);
    // A third view is none of theirs.
    it.view('third').redirect(page, 0x5000n);
    expect(entry(page).entry & ~0xfffn).to.equal(page + 0x40000000n);
  });
});
