// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl, SecondaryControl } from '../../../src/intrinsics/control_bits.js';
import { VmcsField } from '../../../src/intrinsics/vmcs_fields.js';
import { VmcsError, VmxError } from '../../../src/vmm/errors.js';
import { VmcsFieldsIntelX64 } from '../../../src/vmm/vmcs/vmcs_fields_intel_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';
import { stubVmx } from '../../support/stubs.js';
import { captureOutput } from '../capture_output.js';

function fields() {
  const machine = new FakeMachine();
  return { machine, it: make(VmcsFieldsIntelX64, { vmx: machine.vmx, msrs: machine.msrs }) };
}

describe('VmcsFieldsIntelX64', () => {
  describe('.write', () => {
    it('names the field and the error number when VMWRITE fails', () => {
      const vmx = stubVmx();
      vmx.vmwrite.returns(false);
      vmx.vmread.withArgs(VmcsField.VmInstructionError).returns(13n);
      expect(() => make(VmcsFieldsIntelX64, { vmx }).write(VmcsField.ExitReason, 10n)).to.throw(
        VmxError,
        /VMWRITE EXIT_REASON \(0x4402\) = 0xa failed: VM-instruction error 13, .*read-only/,
      );
    });

    it('says that a field does not exist', () => {
      const { it } = fields();
      expect(() => it.write(VmcsField.TscMultiplier, 1n)).to.throw(
        VmcsError,
        /TSC_MULTIPLIER \(0x2032\) field doesn't exist/,
      );
      expect(() => it.write(0x6ffe, 1n)).to.throw(VmcsError, /unnamed field \(0x6ffe\) field doesn't exist/);
    });

    it('says when no VMCS is current', () => {
      const vmx = stubVmx();
      vmx.vmwrite.returns(false);
      vmx.vmread.returns(undefined);
      expect(() => make(VmcsFieldsIntelX64, { vmx }).write(VmcsField.GuestRip, 1n)).to.throw(
        VmxError,
        /no VMCS is current/,
      );
    });
  });

  describe('.read', () => {
    it('gives what was written', () => {
      const { it } = fields();
      it.write(VmcsField.GuestRip, 0xffff800000001234n);
      expect(it.read(VmcsField.GuestRip)).to.equal(0xffff800000001234n);
      expect([it.readLow(VmcsField.GuestRip), it.readHigh(VmcsField.GuestRip)]).to.deep.equal([0x1234, 0xffff8000]);
      it.writeHalves(VmcsField.GuestRip, 1, 2);
      expect(it.read(VmcsField.GuestRip)).to.equal(0x2_0000_0001n);
    });

    it('says that a field does not exist', () => {
      expect(() => fields().it.read(VmcsField.TscMultiplier)).to.throw(
        VmcsError,
        /VMREAD TSC_MULTIPLIER.*doesn't exist/,
      );
    });
  });

  it('names field and value when VMWRITE of halves fails', () => {
    const { it } = fields();
    expect(() => it.writeHalves(VmcsField.ExitReason, 1, 0)).to.throw(VmxError, /EXIT_REASON \(0x4402\) = 0x1 failed/);
  });

  describe('.readIfExists, .writeIfExists', () => {
    it('give 0 and do nothing where the field is missing, with a warning if asked', () => {
      const { it, machine } = fields();
      expect(it.readIfExists(VmcsField.TscMultiplier)).to.equal(0n);
      it.writeIfExists(VmcsField.TscMultiplier, 5n);
      expect(machine.fields.has(VmcsField.TscMultiplier)).to.equal(false);
      const text = captureOutput(() => {
        it.readIfExists(VmcsField.TscMultiplier, true);
        it.writeIfExists(VmcsField.TscMultiplier, 5n, true);
      });
      expect(text.match(/WARNING: TSC_MULTIPLIER \(0x2032\) field doesn't exist/g)).to.have.length(2);
    });

    it('work where it is there', () => {
      const { it } = fields();
      it.writeIfExists(VmcsField.VirtualProcessorIdentifier, 5n);
      expect(it.readIfExists(VmcsField.VirtualProcessorIdentifier)).to.equal(5n);
    });
  });

  describe('controls', () => {
    it('are enabled and disabled one by one', () => {
      const { it, machine } = fields();
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
      const { it } = fields();
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
      const { it } = fields();
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
      const { it, machine } = fields();
      expect(machine.msr.has(0x492)).to.equal(false);
      expect(it.isAllowed1('tertiary', 1)).to.equal(false);
      expect(it.isAllowed1('vmfunc', 1)).to.equal(false);
      expect(it.isEnabled('tertiary', 1)).to.equal(false);
    });
  });
});
