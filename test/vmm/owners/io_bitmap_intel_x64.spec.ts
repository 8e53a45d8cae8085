// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { PortContribution } from '../../../src/vmm/contributions/port_contribution.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { owners, primary } from './owners_bench.js';

describe('IoBitmapIntelX64', () => {
  it('traps ports in bitmap A and B', () => {
    const { it, field, has, bit } = owners();
    const request = it.ioBitmap.trap(it, 0x3f8);
    it.ioBitmap.trap(it, 0x8001);
    const use = it.ioBitmap.enable(it);
    expect(has(primary, PrimaryControl.UseIoBitmaps)).to.equal(true);
    const [a, b] = [field(VmcsField.AddressOfIoBitmapA), field(VmcsField.AddressOfIoBitmapB)];
    expect([bit(a, 0x3f8), bit(a, 0x3f9), bit(b, 1)]).to.deep.equal([true, false, true]);
    request[Symbol.dispose]();
    expect(bit(a, 0x3f8)).to.equal(false);
    use[Symbol.dispose]();
    expect([has(primary, PrimaryControl.UseIoBitmaps), it.ioBitmap.isEnabled]).to.deep.equal([false, false]);
  });

  it('is on, with their ports, when there are port contributions', () => {
    const emulated: PortContribution = { name: 'emulated', ports: [0x70], handlePortRead: () => 0 };
    const { field, has, bit } = owners([vcpuModule(({ bind }) => bind(PortContribution).toConstantValue(emulated))]);
    expect(has(primary, PrimaryControl.UseIoBitmaps)).to.equal(true);
    expect(bit(field(VmcsField.AddressOfIoBitmapA), 0x70)).to.equal(true);
  });

  it('refuses an invalid port', () => {
    const { it } = owners();
    for (const port of [-1, 0x10000, 1.5]) expect(() => it.ioBitmap.trap(it, port)).to.throw(VmcsError, /invalid port/);
  });
});
