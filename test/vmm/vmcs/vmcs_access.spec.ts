// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl, SecondaryControl } from '../../../src/intrinsics/control_bits.js';
import { ReadOnlyError } from '../../../src/intrinsics/errors.js';
import { VmcsField } from '../../../src/intrinsics/vmcs_fields.js';
import { VmcsError, VmxError } from '../../../src/vmm/errors.js';
import { VmcsIntelX64 } from '../../../src/vmm/vmcs/vmcs_intel_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';
import { stubVmx } from '../../support/stubs.js';
import { captureOutput } from '../capture_output.js';

function fields() {
  const machine = new FakeMachine();
  return { machine, it: make(VmcsIntelX64, { vmx: machine.vmx, msrs: machine.msrs, vcpuid: 0n }) };
}

describe('VmcsIntelX64: access to fields and controls', () => {
  describe('.write', () => {
    it('names vCPU, field, error number and next step when VMWRITE fails', () => {
      const vmx = stubVmx();
      vmx.vmwrite.returns(false);
      vmx.vmread.withArgs(VmcsField.VmInstructionError).returns(13n);
      expect(() => make(VmcsIntelX64, { vmx, vcpuid: 3n }).write(VmcsField.ExitReason, 10n)).to.throw(
        VmxError,
        /^vcpu 3: VMWRITE EXIT_REASON \(0x4402\) = 0xa failed: VM-instruction error 13, VMWRITE to a read-only field\. SDM 3C "VM Instruction Error Numbers"\. Exit fields are writable only with IA32_VMX_MISC\[29\]\.$/,
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
      expect(() => make(VmcsIntelX64, { vmx, vcpuid: 3n }).write(VmcsField.GuestRip, 1n)).to.throw(
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

    it('work if it exists', () => {
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

  describe('capability MSRs', () => {
    it('are the plain ones where IA32_VMX_BASIC[55] is 0', () => {
      const { it, machine } = fields();
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
      const { it, machine } = fields();
      machine.msr.set(0x482, 0x80018010_00018010n);
      expect(it.isAllowed0('primary', PrimaryControl.Cr3LoadExiting)).to.equal(true);
    });
  });

  describe('.change', () => {
    it('leaves other bits alone', () => {
      const { it } = fields();
      it.write(VmcsField.GuestCr4, 0xf0n);
      it.change(VmcsField.GuestCr4, 0x3cn, 0x0cn);
      expect(it.read(VmcsField.GuestCr4)).to.equal(0xccn);
    });

    it('says why VMWRITE fails', () => {
      const { it } = fields();
      expect(() => it.change(VmcsField.ExitReason, 1n, 1n)).to.throw(VmxError, /EXIT_REASON \(0x4402\) = 0x1 failed/);
    });
  });

  describe('accessors', () => {
    it('read, write, enable and describe by name', () => {
      const { it, machine } = fields();
      it.guestRip.set(0x1234n);
      expect(machine.fields.get(VmcsField.GuestRip)).to.equal(0x1234n);
      it.primaryProcessorBasedVmExecutionControls.activateSecondaryControls.enable();
      it.secondaryProcessorBasedVmExecutionControls.enableVpid.enable();
      expect(it.isEnabled('secondary', SecondaryControl.EnableVpid)).to.equal(true);
      it.guestActivityState.set('hlt');
      expect(machine.fields.get(VmcsField.GuestActivityState)).to.equal(1n);
      machine.fields.set(VmcsField.ExitReason, 0x80000021n);
      expect(it.exitReason.basicExitReason.is('vm_entry_failure_invalid_guest_state')).to.equal(true);
      expect(it.exitReason.vmEntryFailure.isEnabled()).to.equal(true);
      machine.fields.set(VmcsField.VmInstructionError, 13n);
      expect(it.vmInstructionError.description()).to.equal('VMWRITE to a read-only field');
      machine.fields.set(VmcsField.ExitReason, 10n);
      expect(it.exitReason.basicExitReason.description()).to.equal('the guest executed CPUID');
    });

    it('throw what the fields by encoding throw', () => {
      const { it } = fields();
      expect(() => it.tscMultiplier.get()).to.throw(VmcsError, /TSC_MULTIPLIER \(0x2032\) field doesn't exist/);
      expect(() => it.tscMultiplier.set(1n)).to.throw(VmcsError, /TSC_MULTIPLIER \(0x2032\) field doesn't exist/);
      expect(() => it.secondaryProcessorBasedVmExecutionControls.enablePml.enable()).to.throw(
        VmcsError,
        /secondary\.enable_pml: control is not allowed to be set to 1/,
      );
    });

    it('dump a field with what is in it', () => {
      const { it } = fields();
      it.guestCr4.set(0x2020n);
      expect(it.guestCr4.dump().split('\n')).to.deep.equal([
        `${'guest_cr4'.padEnd(52)}0x2020`,
        '    physical_address_extensions',
        '    vmx_enable_bit',
      ]);
      expect(it.tscMultiplier.dump()).to.equal(`${'tsc_multiplier'.padEnd(52)}doesn't exist`);
    });

    it('warn if asked', () => {
      const { it } = fields();
      const text = captureOutput(() => {
        expect(it.tscMultiplier.getIfExists(true)).to.equal(0n);
        it.tscMultiplier.setIfExists(1n, true);
        expect(it.secondaryProcessorBasedVmExecutionControls.enablePml.enableIfAllowed(true)).to.equal(false);
      });
      expect(text.match(/WARNING.*TSC_MULTIPLIER \(0x2032\) field doesn't exist/g)).to.have.length(2);
      expect(text).to.match(/secondary\.enable_pml: control is not allowed to be set to 1/);
    });

    it('say that exit information is read-only', () => {
      expect(() => (fields().it.exitReason as unknown as { set(value: bigint): void }).set(1n)).to.throw(
        ReadOnlyError,
        'EXIT_REASON (0x4402) field is read-only',
      );
    });
  });
});
