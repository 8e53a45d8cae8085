// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { VpidPoolX64 } from '../../../src/vmm/owners/vpid_pool_x64.js';
import { owners } from './owners_bench.js';

describe('VpidIntelX64', () => {
  it('writes the vcpu’s number, enables the control and drops stale translations', () => {
    const { it, field, has, machine } = owners();
    const [use, other] = [it.vpid.enable(it), it.vpid.enable(it)];
    expect(it.vpid.value).to.equal(1);
    expect(field(VmcsField.VirtualProcessorIdentifier)).to.equal(1n);
    expect(has(VmcsField.SecondaryProcessorBasedVmExecutionControls, SecondaryControl.EnableVpid)).to.equal(true);
    expect(machine.invvpids[0]).to.deep.equal([1, 1, 0n]);
    use[Symbol.dispose]();
    expect(field(VmcsField.VirtualProcessorIdentifier), 'the other still wants it').to.equal(1n);
    expect(it.vpid.isEnabled).to.equal(true);
    other[Symbol.dispose]();
    expect(has(VmcsField.SecondaryProcessorBasedVmExecutionControls, SecondaryControl.EnableVpid)).to.equal(false);
    expect(field(VmcsField.VirtualProcessorIdentifier)).to.equal(0n);
  });

  it('is unique among vcpus, and free again when one is gone', () => {
    const pool = new VpidPoolX64();
    expect([pool.allocate(), pool.allocate(), pool.allocate()]).to.deep.equal([1, 2, 3]);
    pool.free(2);
    pool.free(2);
    pool.free(1);
    expect([pool.allocate(), pool.allocate(), pool.allocate()], 'past the one in use').to.deep.equal([1, 2, 4]);
    pool.free(77);
    const full = new VpidPoolX64();
    for (let each = 0; each < 0xffff; each++) full.allocate();
    expect(() => full.allocate()).to.throw(VmcsError, /65535/);
  });
});
