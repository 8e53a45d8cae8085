// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { VmxError } from '../../../src/vmm/errors.js';
import { vmFailure } from '../../../src/vmm/support/vm_failure.js';
import { stubVmx } from '../../support/stubs.js';

function failureWith(number: bigint | undefined): VmxError {
  const vmx = stubVmx();
  vmx.vmread.withArgs(VmcsField.VmInstructionError).returns(number);
  return vmFailure(vmx, 'vcpu 1: VMPTRLD 0x1000');
}

describe('vmFailure', () => {
  it('says what failed, why, where to read about it, and what to do', () => {
    const error = failureWith(11n);
    expect(error).to.be.instanceOf(VmxError);
    expect(error.message).to.equal(
      'vcpu 1: VMPTRLD 0x1000 failed: VM-instruction error 11, VMPTRLD of a region whose first word is not the VMCS revision identifier. ' +
        'SDM 3C "VM Instruction Error Numbers". Write IA32_VMX_BASIC[30:0] into the first word of the region.',
    );
    expect(error.details.advice).to.equal('Write IA32_VMX_BASIC[30:0] into the first word of the region.');
  });

  it('says so when no VMCS is current', () => {
    expect(failureWith(undefined).message).to.include('no VMCS is current');
    expect(failureWith(undefined).details.advice).to.include('VMPTRLD');
  });

  it('gives no advice for an error whose text says it', () => {
    const error = failureWith(4n);
    expect(error.message).to.match(/error 4, .*SDM 3C "VM Instruction Error Numbers"\.$/);
    expect(error.details).to.not.have.property('advice');
  });
});
