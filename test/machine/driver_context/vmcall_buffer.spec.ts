// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { carveOutVirtual, DriverPage, driverVirtual } from '../../../src/machine/driver_context/driver_pages.js';
import { VmcallBuffer, vmcallBufferBytes } from '../../../src/machine/driver_context/vmcall_buffer.js';
import { Sizes } from '../../../src/machine/layout/regions.js';
import { FakeCore } from '../vmx/fake_core.js';

describe('VmcallBuffer', () => {
  const buffers = (): readonly [VmcallBuffer, VmcallBuffer] => {
    const core = new FakeCore();
    return [new VmcallBuffer(core, 0), new VmcallBuffer(core, 1)];
  };

  it('gives back what was written to it, and no more than it holds', () => {
    const [input, output] = buffers();
    const bytes = Uint8Array.from({ length: vmcallBufferBytes }, (_, i) => i * 7);
    input.write(bytes);
    expect([...input.read(3)]).to.deep.equal([0, 7, 14]);
    expect(input.read(vmcallBufferBytes + 1)).to.deep.equal(bytes);
    expect(output.read(vmcallBufferBytes).every((byte) => byte === 0)).to.equal(true);
  });

  it('is in the carve-out, apart from the other buffer and from the context of every processor', () => {
    const [input, output] = buffers();
    const contextsEnd = driverVirtual(Sizes.MAX_PROCESSORS - 1, DriverPage.Undefined) + 0x1000n;
    expect(input.address >= contextsEnd).to.equal(true);
    expect(output.address - input.address).to.equal(BigInt(input.size));
    expect(output.address + BigInt(output.size) <= carveOutVirtual + BigInt(Sizes.CARVE_OUT)).to.equal(true);
  });
});
