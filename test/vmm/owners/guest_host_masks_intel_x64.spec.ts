// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { GuestHostMasksIntelX64 } from '../../../src/vmm/owners/guest_host_masks_intel_x64.js';
import type { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import { make } from '../../support/make.js';

const vmxe = 0x2000n;
const osxsave = 0x40000n;
const smep = 0x100000n;

const asker = { name: 'asker' };

/** The owner over a VMCS that the base has filled. */
function owner() {
  const fields = new Map<number, bigint>([
    [VmcsField.GuestCr0, 0x80050033n],
    [VmcsField.Cr0GuestHostMask, 0x20n],
    [VmcsField.Cr0ReadShadow, 0x80050013n],
    [VmcsField.GuestCr4, vmxe | 0x6a0n],
    [VmcsField.Cr4GuestHostMask, vmxe],
    [VmcsField.Cr4ReadShadow, 0x6a0n],
  ]);
  const owners: string[] = [];
  const vmcs = {
    read: (field: number) => fields.get(field)!,
    write: (field: number, value: bigint) => void fields.set(field, value),
    asOwner: (name: string, body: () => void) => {
      owners.push(name);
      body();
    },
  } as Partial<Vmcs> as Vmcs;
  const it = make(GuestHostMasksIntelX64, { vmcs });
  it.apply();
  const cr4 = () => ({
    value: fields.get(VmcsField.GuestCr4)!,
    mask: fields.get(VmcsField.Cr4GuestHostMask)!,
    shadow: fields.get(VmcsField.Cr4ReadShadow)!,
  });
  return { it, fields, cr4, owners };
}

describe('GuestHostMasksIntelX64', () => {
  it('hides what the base masked, and writes nothing before somebody asks', () => {
    const { it, owners } = owner();
    expect([it.hidden('cr0'), it.hidden('cr4')]).to.deep.equal([0x20n, vmxe]);
    expect([it.view('cr0'), it.view('cr4')]).to.deep.equal([0x80050013n, 0x6a0n]);
    expect(owners).to.deep.equal([]);
  });

  it('masks a watched bit, whose real value the guest still reads', () => {
    const { it, cr4, fields } = owner();
    fields.set(VmcsField.GuestCr4, vmxe | osxsave);
    const request = it.watch(asker, 'cr4', osxsave);
    expect(cr4()).to.deep.equal({ value: vmxe | osxsave, mask: vmxe | osxsave, shadow: osxsave });
    expect(it.hidden('cr4')).to.equal(vmxe);
    request[Symbol.dispose]();
    expect(cr4()).to.deep.include({ value: vmxe | osxsave, mask: vmxe });
    expect(it.view('cr4')).to.equal(osxsave);
  });

  it('keeps each bit as long as one of two asks for it', () => {
    const { it, cr4 } = owner();
    const [first, second] = [it.watch(asker, 'cr4', osxsave | smep), it.watch(asker, 'cr4', osxsave)];
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(cr4().mask).to.equal(vmxe | osxsave);
    second[Symbol.dispose]();
    expect(cr4().mask).to.equal(vmxe);
  });

  it('gives the register what the guest reads when nobody hides the bit any more', () => {
    const { it, cr4, fields } = owner();
    const [first, second, watcher] = [
      it.hide(asker, 'cr4', smep),
      it.hide(asker, 'cr4', smep),
      it.watch(asker, 'cr4', smep),
    ];
    fields.set(VmcsField.Cr4ReadShadow, 0x6a0n | smep);
    first[Symbol.dispose]();
    expect(cr4().value & smep).to.equal(0n);
    second[Symbol.dispose]();
    expect(cr4()).to.deep.equal({ value: vmxe | 0x6a0n | smep, mask: vmxe | smep, shadow: 0x6a0n | smep });
    watcher[Symbol.dispose]();
    expect(cr4().value & vmxe, 'what the base hides stays').to.equal(vmxe);
  });

  it('does not give way in bits that the base hides', () => {
    const { it, cr4 } = owner();
    it.hide(asker, 'cr4', vmxe)[Symbol.dispose]();
    expect(cr4()).to.deep.equal({ value: vmxe | 0x6a0n, mask: vmxe, shadow: 0x6a0n });
  });

  it('writes what was asked for into the VMCS of a new launch', () => {
    const { it, cr4, fields, owners } = owner();
    it.watch(asker, 'cr4', osxsave);
    it.hide(asker, 'cr4', smep);
    fields.set(VmcsField.Cr4GuestHostMask, vmxe);
    fields.set(VmcsField.GuestCr4, vmxe | smep);
    fields.set(VmcsField.Cr4ReadShadow, 0n);
    it.apply();
    expect(cr4()).to.deep.equal({ value: vmxe | smep, mask: vmxe | osxsave | smep, shadow: smep });
    expect(it.hidden('cr4')).to.equal(vmxe | smep);
    expect(new Set(owners)).to.deep.equal(new Set(['GuestHostMasks']));
  });

  for (const bits of [0n, -1n, 1n << 64n])
    it(`refuses ${bits} as bits`, () => {
      expect(() => owner().it.watch(asker, 'cr0', bits)).to.throw(VmcsError, /is not a mask of bits of CR0/);
    });
});
