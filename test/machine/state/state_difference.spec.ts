// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { stateDifference } from '../../../src/machine/state/state_difference.js';
import { supportedFields } from '../../../src/machine/vmx/vmcs/field_slots.js';

const vmcs = (changed?: number): string =>
  `VMCS=${supportedFields.map((field) => (field === changed ? '0:7' : '0:0')).join()}`;

describe('stateDifference', () => {
  it('gives nothing for equal states', () => {
    expect(stateDifference(['RAX=1', vmcs()], ['RAX=1', vmcs()])).to.equal(undefined);
  });

  it('names the first value that differs', () => {
    expect(stateDifference(['RAX=1', 'RBX=2'], ['RAX=1', 'RBX=3'])).to.equal('RBX=2, not RBX=3');
  });

  it('names the fields of a VMCS that differ', () => {
    const found = stateDifference([vmcs(VmcsField.GuestRip)], [vmcs()]);
    expect(found).to.equal('GUEST_RIP (0x681e) is 0:7, not 0:0');
  });

  it('finds states of different lengths', () => {
    expect(stateDifference(['a', 'b'], ['a'])).to.equal('b, not nothing');
    expect(stateDifference(['a'], ['a', 'b', 'c'])).to.equal('nothing, not b');
  });
});
