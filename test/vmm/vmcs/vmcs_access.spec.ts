// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ReadOnlyError } from '../../../src/intrinsics/errors.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { VmcsError, VmxError } from '../../../src/vmm/errors.js';
import { VmcsIntelX64 } from '../../../src/vmm/vmcs/vmcs_intel_x64.js';
import { make } from '../../support/make.js';
import { stubVmx } from '../../support/stubs.js';
import { captureOutput } from '../capture_output.js';
import { vmcsOnFake } from './vmcs_on_fake.js';

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
      const { it } = vmcsOnFake();
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
      const { it } = vmcsOnFake();
      it.write(VmcsField.GuestRip, 0xffff800000001234n);
      expect(it.read(VmcsField.GuestRip)).to.equal(0xffff800000001234n);
      expect([it.readLow(VmcsField.GuestRip), it.readHigh(VmcsField.GuestRip)]).to.deep.equal([0x1234, 0xffff8000 | 0]);
      it.writeHalves(VmcsField.GuestRip, 1, 2);
      expect(it.read(VmcsField.GuestRip)).to.equal(0x2_0000_0001n);
    });

    it('says that a field does not exist', () => {
      expect(() => vmcsOnFake().it.read(VmcsField.TscMultiplier)).to.throw(
        VmcsError,
        /VMREAD TSC_MULTIPLIER.*doesn't exist/,
      );
    });
  });

  it('names field and value when VMWRITE of halves fails', () => {
    const { it } = vmcsOnFake();
    expect(() => it.writeHalves(VmcsField.ExitReason, 1, 0)).to.throw(VmxError, /EXIT_REASON \(0x4402\) = 0x1 failed/);
  });

  describe('.readIfExists, .writeIfExists', () => {
    it('give 0 and do nothing where the field is missing, with a warning if asked', () => {
      const { it, machine } = vmcsOnFake();
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
      const { it } = vmcsOnFake();
      it.writeIfExists(VmcsField.VirtualProcessorIdentifier, 5n);
      expect(it.readIfExists(VmcsField.VirtualProcessorIdentifier)).to.equal(5n);
    });
  });

  describe('.change', () => {
    it('leaves other bits alone', () => {
      const { it } = vmcsOnFake();
      it.write(VmcsField.GuestCr4, 0xf0n);
      it.change(VmcsField.GuestCr4, 0x3cn, 0x0cn);
      expect(it.read(VmcsField.GuestCr4)).to.equal(0xccn);
    });

    it('says why VMWRITE fails', () => {
      const { it } = vmcsOnFake();
      expect(() => it.change(VmcsField.ExitReason, 1n, 1n)).to.throw(VmxError, /EXIT_REASON \(0x4402\) = 0x1 failed/);
    });
  });

  describe('accessors', () => {
    it('read, write, enable and describe by name', () => {
      const { it, machine } = vmcsOnFake();
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
      const { it } = vmcsOnFake();
      expect(() => it.tscMultiplier.get()).to.throw(VmcsError, /TSC_MULTIPLIER \(0x2032\) field doesn't exist/);
      expect(() => it.tscMultiplier.set(1n)).to.throw(VmcsError, /TSC_MULTIPLIER \(0x2032\) field doesn't exist/);
      expect(() => it.secondaryProcessorBasedVmExecutionControls.enablePml.enable()).to.throw(
        VmcsError,
        /secondary\.enable_pml: control is not allowed to be set to 1/,
      );
    });

    it('dump a field with what is in it', () => {
      const { it } = vmcsOnFake();
      it.guestCr4.set(0x2020n);
      expect(it.guestCr4.dump().split('\n')).to.deep.equal([
        `${'guest_cr4'.padEnd(52)}0x2020`,
        '    physical_address_extensions',
        '    vmx_enable_bit',
      ]);
      expect(it.tscMultiplier.dump()).to.equal(`${'tsc_multiplier'.padEnd(52)}doesn't exist`);
    });

    it('warn if asked', () => {
      const { it } = vmcsOnFake();
      const text = captureOutput(() => {
        expect(it.tscMultiplier.getIfExists(true)).to.equal(0n);
        it.tscMultiplier.setIfExists(1n, true);
        expect(it.secondaryProcessorBasedVmExecutionControls.enablePml.enableIfAllowed(true)).to.equal(false);
      });
      expect(text.match(/WARNING.*TSC_MULTIPLIER \(0x2032\) field doesn't exist/g)).to.have.length(2);
      expect(text).to.match(/secondary\.enable_pml: control is not allowed to be set to 1/);
    });

    it('say that exit information is read-only', () => {
      expect(() => (vmcsOnFake().it.exitReason as unknown as { set(value: bigint): void }).set(1n)).to.throw(
        ReadOnlyError,
        'EXIT_REASON (0x4402) field is read-only',
      );
    });
  });
});
