// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl, VmcsField } from 'bareflank';
import msrBitmap from '../../../extensions/hypervisor_example_msr_bitmap/msr_bitmap_contribution.js';
import { captureOutput } from '../../vmm/capture_output.js';
import { loadedVmm } from '../../vmm/started_vmm.js';

describe('MsrBitmapContribution', () => {
  it('uses a bitmap that lets everything through, and logs it', () => {
    const { machine, vmm } = loadedVmm([msrBitmap]);
    expect(captureOutput(() => vmm.entry.startVmm(0n))).to.include('DEBUG: enabling pass through msr bitmap\n');
    const controls = machine.fields.get(VmcsField.PrimaryProcessorBasedVmExecutionControls)!;
    expect(controls & BigInt(PrimaryControl.UseMsrBitmap)).to.not.equal(0n);
    const page = machine.memory.page(machine.fields.get(VmcsField.AddressOfMsrBitmap)!);
    expect(page.every((byte) => byte === 0)).to.equal(true);
  });
});
