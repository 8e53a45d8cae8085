// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { AccessRights, Efer } from '../../../src/intrinsics/registers/registers.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { isCanonical, isGuestRip } from '../../../src/vmm/emulation/guest_rip.js';
import type { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';

const width = { linearAddressWidth: 48 };
const canonical = [0n, 0x7fff_ffff_ffffn, 0xffff_8000_0000_0000n, (1n << 64n) - 1n];
const others = [1n << 47n, 0xffff_7fff_ffff_ffffn, 1n << 63n];

const vmcsOf = (efer: number, codeRights: number): Vmcs =>
  ({
    readLow: (field: number) =>
      field === VmcsField.GuestIa32Efer ? efer : field === VmcsField.GuestCsAccessRights ? codeRights : NaN,
  }) as unknown as Vmcs;

describe('isCanonical', () => {
  it('wants the upper bits to be the sign of the width', () => {
    for (const address of canonical) expect(isCanonical(address, width), address.toString(16)).to.equal(true);
    for (const address of others) expect(isCanonical(address, width), address.toString(16)).to.equal(false);
    expect(isCanonical(1n << 47n, { linearAddressWidth: 57 })).to.equal(true);
  });
});

describe('isGuestRip', () => {
  it('wants a canonical address in 64-bit mode', () => {
    const vmcs = vmcsOf(Efer.Lma, AccessRights.L);
    for (const address of canonical) expect(isGuestRip(vmcs, address, width), address.toString(16)).to.equal(true);
    for (const address of others) expect(isGuestRip(vmcs, address, width), address.toString(16)).to.equal(false);
  });

  for (const [mode, vmcs] of [
    ['compatibility mode', vmcsOf(Efer.Lma, 0)],
    ['legacy mode', vmcsOf(0, 0)],
    ['legacy mode, where CS.L has no meaning', vmcsOf(0, AccessRights.L)],
  ] as const)
    it(`wants 32 bits in ${mode}`, () => {
      expect(isGuestRip(vmcs, 0xffff_ffffn, width)).to.equal(true);
      for (const address of [1n << 32n, ...canonical.slice(1), ...others])
        expect(isGuestRip(vmcs, address, width), address.toString(16)).to.equal(false);
    });
});
