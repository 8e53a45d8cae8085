// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs_fields.js';
import { EptAccess } from '../../../src/vmm/ept/ept.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { ept, fakeVmcs } from './ept_fixture.js';

const page = 0x201000n;

describe('EptViewIntelX64', () => {
  it('begins as the base map, with tables of its own', () => {
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
    expect(leaf(view.pointer, page).entry).to.equal(page | 7n | (6n << 3n));
  });

  it('never adds what the base excludes', () => {
    const { it, own } = ept();
    const view = it.view('mine');
    expect(() => view.restore(own)).to.throw(VmcsError, /'mine'.*excludes the page at 0x100000000/);
    expect(() => view.restrict(own, 7)).to.throw(VmcsError);
    expect(() => view.redirect(page, own + 0x5000n)).to.throw(VmcsError);
    expect(() => view.redirect(own, page)).to.throw(VmcsError);
    expect(() => view.restore(1n << 39n)).to.throw(VmcsError);
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
    const request = it.enter(vmcs, view);
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
});
