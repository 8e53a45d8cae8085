// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import {
  allowsAccess,
  baseOf,
  GuestDescriptors,
  limitOf,
  rightsOf,
} from '../../../src/vmm/emulation/guest_segments.js';
import { emulatedGuest } from './emulated_guest.js';

describe('a descriptor', () => {
  it('gives base, limit and rights', () => {
    const descriptor = { low: 0x5678_1234, high: 0x9acf_9bde };
    expect([baseOf(descriptor), limitOf(descriptor), rightsOf(descriptor)]).to.deep.equal([
      0x9ade5678, 0xf1234fff, 0xc09b,
    ]);
  });
});

describe('GuestDescriptors', () => {
  it('faults for a selector beyond its table', () => {
    const { vmcs, memory, fields } = emulatedGuest();
    fields.set(VmcsField.GuestGdtrLimit, 0x1en);
    const descriptors = new GuestDescriptors(vmcs, memory);
    expect(() => descriptors.fetch(0x1b, 10))
      .to.throw()
      .that.includes({ vector: 10, errorCode: 0x18 });
    expect(descriptors.fetch(0x10, 10)).to.deep.equal({ low: 0, high: 0 });
  });
});

describe('allowsAccess', () => {
  for (const [what, rights, limit, offset, isWrite, expected] of [
    ['the last bytes', 0xc093, 0xf, 12, true, true],
    ['beyond the limit', 0xc093, 0xf, 13, false, false],
    ['a write of a read-only segment', 0xc091, 0xf, 0, true, false],
    ['a read of an execute-only segment', 0xc099, 0xf, 0, false, false],
    ['above the limit of an expand-down segment', 0xc097, 0xf, 16, true, true],
    ['below the limit of an expand-down segment', 0xc097, 0xf, 15, true, false],
    ['an unusable segment', 0x10000, 0xffffffff, 0, false, false],
  ] as const) {
    it(`${expected ? 'lets through' : 'refuses'} ${what}`, () => {
      const { vmcs } = emulatedGuest();
      expect(allowsAccess(vmcs, { selector: 0, base: 0n, limit, rights }, offset, 4, isWrite)).to.equal(expected);
    });
  }
});
