// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { ControlWord } from '../../../../src/intrinsics/vmx/control_bits.js';
import {
  capabilityMsrOf,
  vmcsFieldDefinitions,
  vmcsFieldExists,
} from '../../../../src/intrinsics/vmcs/vmcs_field_details.js';
import { highAccessOf, VmcsField } from '../../../../src/intrinsics/vmcs/vmcs_fields.js';
import { firstVmxMsr, vmxCapabilities } from '../../../../src/machine/vmx/capabilities.js';
import { encodingOf, slotOf, supportedFields, supportedSlot } from '../../../../src/machine/vmx/vmcs/field_slots.js';

describe('field slots', () => {
  it('give each supported field its own slot, from which its encoding comes back', () => {
    const slots = supportedFields.map(slotOf);
    expect(new Set(slots).size).to.equal(supportedFields.length);
    expect(slots.map(encodingOf)).to.deep.equal([...supportedFields]);
  });

  it('refuse fields of features that are not announced, and encodings that the SDM does not have', () => {
    for (const encoding of [
      VmcsField.EptpListAddress,
      VmcsField.GuestIa32PerfGlobalCtrl,
      0x6830,
      0x8000,
      0x1000,
      0x0a00,
      0x10000,
    ]) {
      expect(supportedSlot(encoding), encoding.toString(16)).to.equal(-1);
    }
  });

  it('allow access to the high half of 64-bit fields only', () => {
    expect(supportedSlot(highAccessOf(VmcsField.TscOffset))).to.equal(slotOf(VmcsField.TscOffset));
    expect(supportedSlot(highAccessOf(VmcsField.GuestRip))).to.equal(-1);
    expect(supportedSlot(highAccessOf(VmcsField.ExceptionBitmap))).to.equal(-1);
    expect(supportedSlot(highAccessOf(VmcsField.GuestCsSelector))).to.equal(-1);
  });

  it('are exactly those of the fields that the capability MSRs announce', () => {
    const capabilities = vmxCapabilities({ cr4Allowed: 0 });
    const allowed1 = (word: ControlWord): number => (capabilities[capabilityMsrOf[word] - firstVmxMsr] ?? [0, 0])[1];
    for (const definition of vmcsFieldDefinitions) {
      expect(supportedSlot(definition.encoding) >= 0, definition.name).to.equal(vmcsFieldExists(definition, allowed1));
    }
  });
});
