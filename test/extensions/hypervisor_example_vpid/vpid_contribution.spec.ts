// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from 'bareflank';
import vpid from '../../../extensions/hypervisor_example_vpid/vpid_contribution.js';
import { captureOutput } from '../../vmm/capture_output.js';
import { loadedVmm } from '../../vmm/started_vmm.js';

describe('VpidContribution', () => {
  it('enables a VPID, logs it and reports it', () => {
    const { machine, vmm } = loadedVmm([vpid]);
    expect(captureOutput(() => vmm.entry.startVmm(0n))).to.include('DEBUG: enabling vpid: 1\n');
    expect(machine.fields.get(VmcsField.VirtualProcessorIdentifier)).to.equal(1n);
    expect(vmm.vcpuManager.reports()).to.deep.equal({ vpid: { 'vcpus with a vpid': 1 } });
  });
});
