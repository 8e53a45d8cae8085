// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { vmcsOnFake } from '../vmcs/vmcs_on_fake.js';

describe('The capability MSRs of controls', () => {
  it('are the plain ones where IA32_VMX_BASIC[55] is 0', () => {
    const { it, machine } = vmcsOnFake();
    machine.msr.set(0x480, 0x005a0400_00000004n);
    for (const address of [0x48d, 0x48e, 0x48f, 0x490]) machine.msr.delete(address);
    machine.msr.set(0x482, 0x80000010_00000010n);
    expect(it.isAllowed1('primary', PrimaryControl.ActivateSecondaryControls)).to.equal(true);
    expect(it.isAllowed1('primary', PrimaryControl.HltExiting)).to.equal(false);
    expect(() => it.enable('primary', PrimaryControl.HltExiting)).to.throw(
      VmcsError,
      /\(MSR 0x482, allowed-1 0x80000010/,
    );
  });

  it('are the true ones where it is 1: they let default1 controls be 0', () => {
    const { it, machine } = vmcsOnFake();
    machine.msr.set(0x482, 0x80018010_00018010n);
    expect(it.isAllowed0('primary', PrimaryControl.Cr3LoadExiting)).to.equal(true);
  });
});
