// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl, SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { captureOutput } from '../capture_output.js';
import { vmcsOnFake } from '../vmcs/vmcs_on_fake.js';

describe('Controls of a VMCS', () => {
  it('are enabled and disabled one by one', () => {
    const { it, machine } = vmcsOnFake();
    it.enable('primary', PrimaryControl.ActivateSecondaryControls);
    it.enable('primary', PrimaryControl.UseMsrBitmap);
    expect(machine.fields.get(VmcsField.PrimaryProcessorBasedVmExecutionControls)).to.equal(0x90000000n);
    expect(it.isEnabled('primary', PrimaryControl.UseMsrBitmap | PrimaryControl.ActivateSecondaryControls)).to.equal(
      true,
    );
    it.disable('primary', PrimaryControl.UseMsrBitmap);
    expect(it.isEnabled('primary', PrimaryControl.UseMsrBitmap)).to.equal(false);
    expect(it.isEnabled('primary', PrimaryControl.ActivateSecondaryControls)).to.equal(true);
  });

  it('throw, naming control and MSR, when they are not allowed', () => {
    const { it } = vmcsOnFake();
    expect(() => it.enable('secondary', SecondaryControl.EnablePml)).to.throw(
      VmcsError,
      /secondary\.enable_pml: control is not allowed to be set to 1 \(MSR 0x48b/,
    );
    expect(() => it.disable('primary', 1 << 4)).to.throw(
      VmcsError,
      /primary 0x10: control is not allowed to be cleared to 0/,
    );
  });

  it('may be asked for if allowed', () => {
    const { it } = vmcsOnFake();
    expect(it.enableIfAllowed('secondary', SecondaryControl.EnableVpid)).to.equal(true);
    expect(it.disableIfAllowed('secondary', SecondaryControl.EnableVpid)).to.equal(true);
    expect(it.isEnabled('secondary', SecondaryControl.EnableVpid)).to.equal(false);
    const text = captureOutput(() => {
      expect(it.enableIfAllowed('secondary', SecondaryControl.EnablePml)).to.equal(false);
      expect(it.enableIfAllowed('secondary', SecondaryControl.EnablePml, true)).to.equal(false);
      expect(it.disableIfAllowed('primary', 1 << 4, true)).to.equal(false);
    });
    expect(text.trim().split('\n')).to.have.length(2);
  });

  it('of words that the processor lacks are never allowed, and their MSR is not read', () => {
    const { it, machine } = vmcsOnFake();
    expect(machine.msr.has(0x492)).to.equal(false);
    expect(it.isAllowed1('tertiary', 1)).to.equal(false);
    expect(it.isAllowed1('vmfunc', 1)).to.equal(false);
    expect(it.isEnabled('tertiary', 1)).to.equal(false);
  });
});
