// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VirtioConsole } from '../../../../src/machine/devices/virtio/virtio_console.js';
import { DescriptorFlag, DeviceStatus } from '../../../../src/machine/devices/virtio/virtio_registers.js';
import { Area, VirtioMachine } from './virtio_machine.js';

const [RECEIVE, TRANSMIT] = [0, 1];

/** Where the transmit queue of a driver with two queues is. */
const SECOND = { descriptors: 0x11000, driver: 0x12000, device: 0x13000 } as const;

/** A machine whose driver has enabled one queue of the console. @param printed bytes that the guest has printed before */
function started(queue: number, typed = '', before = 1) {
  let printed = '';
  const device = new VirtioConsole({
    input: new TextEncoder().encode(typed),
    output: (bytes) => (printed += new TextDecoder().decode(bytes)),
  });
  device.restore({ typed: 0, printed: before });
  const machine = new VirtioMachine(device);
  machine.start(8, undefined, queue);
  return { machine, device, printed: () => printed };
}

describe('VirtioConsole', () => {
  it('is a console with a queue for each direction, and no feature of its own', () => {
    const { machine } = started(TRANSMIT);
    expect([machine.read(1, 2, 2), machine.read(1, 10, 2)]).to.deep.equal([0x1043, 0x0780]);
    machine.setCommon('DeviceFeatureSelect', 4, 0);
    expect([machine.common('Queues', 2), machine.common('DeviceFeature', 4)]).to.deep.equal([2, 0]);
  });

  it('prints what a request has, from all of its pieces', () => {
    const { machine, printed } = started(TRANSMIT);
    machine.ram.set(new TextEncoder().encode('hello, world'), Area.Data);
    machine.chain({ address: Area.Data, bytes: 7 }, { address: Area.Data + 7, bytes: 5 });
    machine.offer(0, 8, TRANSMIT);
    machine.complete();
    expect(printed()).to.equal('hello, world');
    expect(machine.used(0)).to.deep.equal([0, 0]);
  });

  it('types its input into the buffers that the driver gives, as far as they reach', () => {
    const { machine } = started(RECEIVE, 'abcdef');
    machine.descriptor(0, { address: Area.Data, bytes: 4, flags: DescriptorFlag.Write });
    machine.descriptor(1, { address: Area.Data + 0x10, bytes: 4, flags: DescriptorFlag.Write });
    machine.offer(0);
    machine.offer(1);
    machine.complete();
    expect([machine.used(0), machine.used(1)]).to.deep.equal([
      [0, 4],
      [1, 2],
    ]);
    expect(new TextDecoder().decode(machine.ram.subarray(Area.Data + 0x10, Area.Data + 0x12))).to.equal('ef');
  });

  it('types nothing at a console that is still silent, and begins once something was printed', () => {
    const { machine, printed } = started(RECEIVE, 'login', 0);
    machine.descriptor(0, { address: Area.Data, bytes: 8, flags: DescriptorFlag.Write });
    machine.offer(0);
    machine.platform.advance(1e9);
    expect(machine.usedIndex).to.equal(0);
    machine.enable(TRANSMIT, 8, SECOND);
    machine.ram.set(new TextEncoder().encode('ok'), Area.Data + 0x100);
    machine.view.setBigUint64(SECOND.descriptors, BigInt(Area.Data + 0x100), true);
    machine.view.setUint32(SECOND.descriptors + 8, 2, true);
    machine.view.setUint16(SECOND.driver + 2, 1, true);
    machine.notify(TRANSMIT);
    machine.complete();
    expect(printed()).to.equal('ok');
    machine.complete();
    expect(machine.used(0)).to.deep.equal([0, 5]);
  });

  it('keeps the buffers of a driver for which nothing is typed', () => {
    const { machine } = started(RECEIVE);
    machine.descriptor(0, { address: Area.Data, bytes: 4, flags: DescriptorFlag.Write });
    machine.offer(0);
    machine.complete();
    expect([machine.usedIndex, machine.status & DeviceStatus.NeedsReset]).to.deep.equal([0, 0]);
  });

  it('refuses a receive buffer without room, and a request that prints more than 1 MiB', () => {
    const receiving = started(RECEIVE, 'x').machine;
    receiving.descriptor(0, { address: Area.Data, bytes: 4 });
    receiving.offer(0);
    receiving.complete();
    expect(receiving.status & DeviceStatus.NeedsReset).to.not.equal(0);
    const { machine, printed } = started(TRANSMIT);
    machine.chain({ address: 0, bytes: 0x100000 }, { address: 0, bytes: 1 });
    machine.offer(0, 8, TRANSMIT);
    machine.complete();
    expect(machine.status & DeviceStatus.NeedsReset).to.not.equal(0);
    expect(printed()).to.equal('');
  });

  it('goes on from its saved state', () => {
    const first = started(RECEIVE, 'abcdef');
    first.machine.descriptor(0, { address: Area.Data, bytes: 4, flags: DescriptorFlag.Write });
    first.machine.offer(0);
    first.machine.complete();
    const second = started(RECEIVE, 'abcdef');
    second.device.restore(first.device.save());
    second.machine.descriptor(0, { address: Area.Data, bytes: 4, flags: DescriptorFlag.Write });
    second.machine.offer(0);
    second.machine.complete();
    expect(second.machine.used(0)).to.deep.equal([0, 2]);
  });
});
