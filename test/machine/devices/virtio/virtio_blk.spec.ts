// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { DiskImage } from '../../../../src/machine/devices/virtio/disk_image.js';
import { VirtioBlk } from '../../../../src/machine/devices/virtio/virtio_blk.js';
import { DescriptorFlag } from '../../../../src/machine/devices/virtio/virtio_registers.js';
import { Area, VirtioMachine, type TestDescriptor } from './virtio_machine.js';

/** A disk in memory that counts flushes. */
class MemoryDisk implements DiskImage {
  readonly content = new Uint8Array(0x40000);
  readonly bytes = this.content.length;
  flushes = 0;

  read(offset: number, into: Uint8Array): void {
    into.set(this.content.subarray(offset, offset + into.length));
  }

  write(offset: number, bytes: Uint8Array): void {
    this.content.set(bytes, offset);
  }

  flush(): void {
    this.flushes++;
  }
}

const IN = 0;
const OUT = 1;
const FLUSH = 4;
const GET_ID = 8;
const WRITE = DescriptorFlag.Write;
const STATUS = Area.Data + 0x20;
const BUFFER = 0x10000;

describe('VirtioBlk', () => {
  function make(): { machine: VirtioMachine; disk: MemoryDisk } {
    const disk = new MemoryDisk();
    const machine = new VirtioMachine(new VirtioBlk('disk0', disk));
    machine.start();
    return { machine, disk };
  }

  /** Sends a request, and waits for it. @returns its status */
  function request(machine: VirtioMachine, type: number, sector: number, ...data: readonly TestDescriptor[]): number {
    const { view } = machine;
    view.setUint32(Area.Data, type, true);
    view.setBigUint64(Area.Data + 8, BigInt(sector), true);
    view.setUint8(STATUS, 0xff);
    machine.chain({ address: Area.Data, bytes: 16 }, ...data, { address: STATUS, bytes: 1, flags: WRITE });
    machine.offer(0);
    machine.complete();
    return view.getUint8(STATUS);
  }

  it('says how large the disk is, and how large requests may be', () => {
    const { machine } = make();
    expect([0, 4, 8, 12].map((offset) => machine.configuration(offset))).to.deep.equal([512, 0, 0x10000, 126]);
  });

  it('reads sectors into pieces of memory', () => {
    const { machine, disk } = make();
    disk.content.set([1, 2, 3, 4], 512 * 3);
    const pieces = [
      { address: BUFFER, bytes: 2, flags: WRITE },
      { address: BUFFER + 0x100, bytes: 510, flags: WRITE },
    ];
    expect(request(machine, IN, 3, ...pieces)).to.equal(0);
    expect([...machine.ram.subarray(BUFFER, BUFFER + 3)]).to.deep.equal([1, 2, 0]);
    expect([...machine.ram.subarray(BUFFER + 0x100, BUFFER + 0x103)]).to.deep.equal([3, 4, 0]);
    expect(machine.used(0)).to.deep.equal([0, 513]);
  });

  it('writes sectors, more than it copies at a time', () => {
    const { machine, disk } = make();
    for (let i = 0; i < 0x18000; i++) machine.ram[BUFFER + i] = i * 7;
    expect(request(machine, OUT, 8, { address: BUFFER, bytes: 0x18000 })).to.equal(0);
    expect(disk.content.subarray(4096, 4096 + 0x18000)).to.deep.equal(machine.ram.subarray(BUFFER, BUFFER + 0x18000));
  });

  it('flushes, says its name, and knows no other request', () => {
    const { machine, disk } = make();
    expect([request(machine, FLUSH, 0), disk.flushes]).to.deep.equal([0, 1]);
    expect(request(machine, GET_ID, 0, { address: BUFFER, bytes: 20, flags: WRITE })).to.equal(0);
    expect(Buffer.from(machine.ram.subarray(BUFFER, BUFFER + 6)).toString()).to.equal('disk0\0');
    expect(request(machine, 11, 0)).to.equal(2);
  });

  it('answers with an error what is not on the disk, is no whole sector or is too large', () => {
    const { machine, disk } = make();
    const before = disk.content.slice();
    machine.ram.fill(0xaa, BUFFER, BUFFER + 0x400);
    const buffer = (bytes: number, flags: number): TestDescriptor => ({ address: BUFFER, bytes, flags });
    expect(request(machine, IN, 511, buffer(1024, WRITE))).to.equal(1);
    expect(request(machine, IN, 2 ** 52, buffer(512, WRITE))).to.equal(1);
    expect(request(machine, OUT, 511, buffer(1024, 0))).to.equal(1);
    expect(request(machine, OUT, 0, buffer(511, 0))).to.equal(1);
    expect([machine.ram[BUFFER], disk.content]).to.deep.equal([0xaa, before]);
  });

  it('asks for a reset when a request has no header or no place for its status', () => {
    for (const descriptor of [
      { address: Area.Data, bytes: 15 },
      { address: Area.Data, bytes: 16 },
      { address: STATUS, bytes: 1, flags: WRITE },
    ]) {
      const { machine } = make();
      machine.chain(descriptor);
      machine.offer(0);
      machine.complete();
      expect([machine.status & 0x40, machine.usedIndex]).to.deep.equal([0x40, 0]);
    }
  });

  it('has a state that tells what was written, where and in which order', () => {
    const states = [
      [1, 2],
      [2, 1],
      [1, 1],
    ].map((sectors) => {
      const { machine } = make();
      machine.ram.fill(1, BUFFER, BUFFER + 512);
      for (const sector of sectors) request(machine, OUT, sector, { address: BUFFER, bytes: 512 });
      return JSON.stringify(machine.device.save());
    });
    expect(new Set(states).size).to.equal(3);
  });
});
