// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { DriverFault } from '../../../../src/machine/devices/virtio/driver_fault.js';
import { Virtqueue } from '../../../../src/machine/devices/virtio/virtqueue.js';

describe('Virtqueue', () => {
  const DESCRIPTORS = 0x100;
  const DRIVER = 0x200;
  const DEVICE = 0x300;

  function make(): { queue: Virtqueue; view: DataView } {
    const ram = new Uint8Array(0x1000);
    const queue = new Virtqueue(ram, 4);
    queue.setAddress('descriptors', 0, DESCRIPTORS);
    queue.setAddress('driver', 0, DRIVER);
    queue.setAddress('device', 0, DEVICE);
    queue.enable();
    const view = new DataView(ram.buffer);
    view.setBigUint64(DESCRIPTORS, 0x800n, true);
    view.setUint32(DESCRIPTORS + 8, 4, true);
    return { queue, view };
  }

  it('takes each request once, and gives it back with its length', () => {
    const { queue, view } = make();
    expect(queue.take()).to.equal(undefined);
    view.setUint16(DRIVER + 2, 1, true);
    const chain = queue.take()!;
    expect([chain.head, chain.readable.left, chain.writable.left]).to.deep.equal([0, 4, 0]);
    expect(queue.take()).to.equal(undefined);
    queue.complete(chain.head, 17);
    expect([view.getUint16(DEVICE + 2, true), view.getUint32(DEVICE + 8, true)]).to.deep.equal([1, 17]);
  });

  it('counts beyond 65535', () => {
    const { queue, view } = make();
    for (let i = 1; i <= 0x10001; i++) {
      view.setUint16(DRIVER + 2, i, true);
      queue.complete(queue.take()!.head, i);
    }
    expect([view.getUint16(DEVICE + 2, true), view.getUint32(DEVICE + 8, true)]).to.deep.equal([1, 0x10001]);
  });

  it('goes on from its saved state', () => {
    const { queue, view } = make();
    view.setUint16(DRIVER + 2, 1, true);
    queue.complete(queue.take()!.head, 0);
    const other = make().queue;
    other.restore(queue.save());
    expect(other.save()).to.deep.equal(queue.save());
    queue.reset();
    expect(queue.save()).to.deep.equal(new Virtqueue(new Uint8Array(0), 4).save());
  });

  it('refuses an address above what RAM has, however large', () => {
    for (const high of [1, 0x200000, 0xffffffff]) {
      const { queue, view } = make();
      view.setUint32(DESCRIPTORS + 4, high, true);
      view.setUint16(DRIVER + 2, 1, true);
      expect(() => queue.take(), String(high)).to.throw(DriverFault, 'not in guest RAM');
    }
  });
});
