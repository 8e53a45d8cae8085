// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { DeviceStatus } from '../../../../src/machine/devices/virtio/virtio_registers.js';
import { VirtioRng } from '../../../../src/machine/devices/virtio/virtio_rng.js';
import { VirtioMachine } from './virtio_machine.js';

describe('CommonRegisters', () => {
  it('answers accesses of a register by its own width only', () => {
    const machine = new VirtioMachine(new VirtioRng(1));
    machine.setCommon('DeviceStatus', 4, DeviceStatus.DriverOk);
    expect(machine.common('DeviceStatus', 1)).to.equal(0);
    machine.setCommon('DeviceStatus', 1, 1);
    expect([machine.common('DeviceStatus', 1), machine.common('DeviceStatus', 4)]).to.deep.equal([1, 0]);
    expect([
      machine.common('QueueSize', 2),
      machine.common('QueueSize', 1),
      machine.common('QueueSize', 4),
    ]).to.deep.equal([64, 0, 0]);
  });

  it('has 64-bit registers as two words', () => {
    const machine = new VirtioMachine(new VirtioRng(1));
    machine.setCommon('QueueDescriptors', 4, 0x12345000);
    machine.setCommon('QueueDescriptors', 4, 7, 4);
    expect([machine.common('QueueDescriptors', 4), machine.common('QueueDescriptors', 4, 4)]).to.deep.equal([
      0x12345000, 7,
    ]);
  });

  it('ignores writes of read-only registers', () => {
    const machine = new VirtioMachine(new VirtioRng(1));
    machine.setCommon('Queues', 2, 9);
    machine.setCommon('DeviceFeature', 4, 9);
    expect([machine.common('Queues', 2), machine.common('DeviceFeature', 4)]).to.deep.equal([1, 0]);
  });
});
