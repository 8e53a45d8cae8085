// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { OutputX64 } from '../../../src/vmm/vcpu/output_x64.js';
import { make } from '../../support/make.js';

describe('OutputX64', () => {
  it("writes to vCPU 0's ring, then to the serial port", () => {
    const vcpuManager = { write: sinon.spy() };
    const serialPort = { write: sinon.spy() };
    make(OutputX64, { vcpuManager, serialPort }).write('hello');
    sinon.assert.callOrder(vcpuManager.write.withArgs(0n, 'hello'), serialPort.write.withArgs('hello'));
  });

  it("writes to one vCPU's ring and not to the serial port", () => {
    const vcpuManager = { write: sinon.spy() };
    make(OutputX64, { vcpuManager }).writeToVcpu(2n, 'hello');
    expect(vcpuManager.write.args).to.deep.equal([[2n, 'hello']]);
  });
});
