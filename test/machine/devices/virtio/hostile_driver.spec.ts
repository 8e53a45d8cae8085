// SPDX-License-Identifier: LGPL-2.1-only
// What a guest may do to its virtio devices when its driver is an attacker: no crash, no memory but RAM, no work without end.
import { randomNumbers } from '../../random_numbers.js';
import { expect } from 'chai';
import { VirtioBlk } from '../../../../src/machine/devices/virtio/virtio_blk.js';
import { VirtioConsole } from '../../../../src/machine/devices/virtio/virtio_console.js';
import type { VirtioDevice } from '../../../../src/machine/devices/virtio/virtio_device.js';
import {
  CommonRegister,
  DescriptorFlag,
  DeviceStatus,
} from '../../../../src/machine/devices/virtio/virtio_registers.js';
import { VirtioRng } from '../../../../src/machine/devices/virtio/virtio_rng.js';
import type { DeviceRam } from '../../../../src/machine/memory/guest_ram.js';
import type { AccessSize } from '../../../../src/machine/devices/device.js';
import { Area, STRUCTURES, VirtioMachine } from './virtio_machine.js';

/** Where the memory of a VMM is in the physical address space, if there is one: no device reaches it. */
const CARVE_OUT = 0x1_0000_0000;
const RAM_BYTES = 1 << 20;

/** RAM that notices each access beyond its end, and counts what devices do. */
class GuardedRam implements DeviceRam {
  readonly bytes = new Uint8Array(RAM_BYTES);
  readonly length = RAM_BYTES;
  accesses = 0;
  copied = 0;

  slice(start: number, end: number): Uint8Array {
    this.check(start, end);
    return this.bytes.slice(start, end);
  }

  set(bytes: ArrayLike<number>, address: number): void {
    this.check(address, address + bytes.length);
    this.bytes.set(bytes, address);
  }

  fill(byte: number, start: number, end: number): void {
    this.check(start, end);
    this.bytes.fill(byte, start, end);
  }

  private check(start: number, end: number): void {
    if (!(start >= 0 && start <= end && end <= RAM_BYTES)) throw new Error(`a device touches ${start} to ${end}`);
    this.accesses++;
    this.copied += end - start;
  }
}

const SECTORS = 64;
const disk = new Uint8Array(SECTORS * 512);
const inDisk = (offset: number, { length }: Uint8Array): void => {
  if (!(offset >= 0 && offset + length <= disk.length)) throw new Error(`the disk is read or written at ${offset}`);
};

function makeConsole(): VirtioConsole {
  const device = new VirtioConsole({ input: new Uint8Array(100), output: () => {} });
  // The guest has printed before, so that the device types.
  device.restore({ typed: 0, printed: 1 });
  return device;
}

const devices: Readonly<Record<string, () => VirtioDevice>> = {
  'the entropy device': () => new VirtioRng(1),
  'the console that types': makeConsole,
  'the console that prints': makeConsole,
  'the block device': () =>
    new VirtioBlk('disk', {
      bytes: disk.length,
      read: (offset, into) => {
        inDisk(offset, into);
        into.set(disk.subarray(offset, offset + into.length));
      },
      write: (offset, bytes) => {
        inDisk(offset, bytes);
        disk.set(bytes, offset);
      },
      flush: () => {},
    }),
};

/** Addresses that a driver should never give, and some that it may. */
const addresses = [
  0,
  1,
  Area.Descriptors,
  Area.Driver,
  Area.Data,
  RAM_BYTES - 16,
  RAM_BYTES - 1,
  RAM_BYTES,
  STRUCTURES,
  0xfee00000,
  0xfffffff0,
  CARVE_OUT,
  CARVE_OUT + 0x1000,
  2 ** 52,
  2 ** 63,
  2 ** 64 - 4096,
];
const lengths = [0, 1, 15, 16, 17, 512, 4096, 65536, RAM_BYTES, 2 ** 31, 2 ** 32 - 1];
const sizes = [1, 2, 4] as const;
/** Requests of a queue times descriptors of a chain, and as many again for rings and data. */
const MOST_ACCESSES = 4 * 128 * 128;
const MOST_COPIED = 2 ** 28;

for (const [name, make] of Object.entries(devices))
  describe(`A hostile driver of ${name}`, () => {
    /** The queue of the driver's requests, and the request that it should make. */
    const queue = name === 'the console that prints' ? 1 : 0;
    const request = (of: VirtioMachine): void => {
      const write = { address: Area.Data + 16, bytes: 17, flags: DescriptorFlag.Write };
      if (name === 'the block device') of.chain({ address: Area.Data, bytes: 16 }, write);
      else of.chain(queue === 1 ? { address: Area.Data, bytes: 16 } : write);
    };
    let ram: GuardedRam;
    let machine: VirtioMachine;
    const pick = <T>(from: readonly T[], next: (below: number) => number): T => from[next(from.length)]!;

    beforeEach(() => {
      ram = new GuardedRam();
      machine = new VirtioMachine(make(), ram);
    });

    /** Lets the device do what it has to do, and checks how much that was. */
    function serve(): void {
      [ram.accesses, ram.copied] = [0, 0];
      machine.complete();
      expect(ram.accesses, 'accesses').to.be.at.most(MOST_ACCESSES);
      expect(ram.copied, 'bytes').to.be.at.most(MOST_COPIED);
    }

    /** After a reset the device serves a decent driver: nothing is broken for good. */
    function servesAgain(): void {
      machine.reset();
      ram.fill(0, 0, RAM_BYTES);
      machine.start(8, undefined, queue);
      request(machine);
      machine.offer(0, 8, queue);
      machine.complete();
      expect([machine.usedIndex, machine.status & DeviceStatus.NeedsReset]).to.deep.equal([1, 0]);
    }

    /** The device gave up: it touches nothing more until it is reset. */
    function needsReset(): void {
      expect(machine.status & DeviceStatus.NeedsReset).to.not.equal(0);
      const before = machine.usedIndex;
      machine.notify(queue);
      serve();
      expect([machine.usedIndex, ram.accesses]).to.deep.equal([before, 0]);
      servesAgain();
    }

    it('gets nowhere with a chain that leads back to itself', () => {
      machine.start(8, undefined, queue);
      for (const [index, next] of [
        [0, 1],
        [1, 2],
        [2, 0],
      ] as const) {
        const flags = DescriptorFlag.Next | DescriptorFlag.Write;
        machine.descriptor(index, { address: Area.Data, bytes: 16, flags, next });
      }
      machine.offer(0, 8, queue);
      serve();
      needsReset();
    });

    for (const address of addresses.filter((each) => each + 16 > RAM_BYTES))
      it(`gets nowhere with data at 0x${address.toString(16)}`, () => {
        machine.start(8, undefined, queue);
        machine.chain({ address, bytes: 32 }, { address, bytes: 32, flags: DescriptorFlag.Write });
        machine.offer(0, 8, queue);
        serve();
        needsReset();
      });

    for (const area of ['descriptors', 'driver', 'device'] as const)
      for (const address of [RAM_BYTES - 2, RAM_BYTES, STRUCTURES, 0xfffffff0])
        it(`gets nowhere with the ${area} of its queue at 0x${address.toString(16)}`, () => {
          machine.start(
            8,
            {
              descriptors: Area.Descriptors,
              driver: Area.Driver,
              device: Area.Device,
              [area]: address,
            },
            queue,
          );
          request(machine);
          machine.offer(0, 8, queue);
          serve();
          expect(machine.status & DeviceStatus.NeedsReset).to.not.equal(0);
          servesAgain();
        });

    it('gets nowhere with indirect descriptors, which were not offered', () => {
      machine.start(8, undefined, queue);
      machine.descriptor(0, { address: Area.Data, bytes: 32, flags: DescriptorFlag.Indirect });
      machine.offer(0, 8, queue);
      serve();
      needsReset();
    });

    it('gets nowhere with a descriptor beyond its queue, nor with more requests than it holds', () => {
      machine.start(8, undefined, queue);
      machine.offer(8, 8, queue);
      serve();
      needsReset();
      machine = new VirtioMachine(make(), ram);
      machine.start(8, undefined, queue);
      machine.view.setUint16(Area.Driver + 2, 9, true);
      machine.notify(queue);
      serve();
      needsReset();
    });

    it('cannot make a queue larger than it is, of a size that is no power of two, or of none', () => {
      const before = machine.common('QueueSize', 2);
      for (const size of [0, 3, 2 * before, 0xffff]) {
        machine.setCommon('QueueSize', 2, size);
        expect(machine.common('QueueSize', 2), String(size)).to.equal(before);
      }
      machine.setCommon('QueueSelect', 2, 0xffff);
      machine.setCommon('QueueEnable', 2, 1);
      machine.setCommon('QueueDescriptors', 4, 0x1000);
      expect([machine.common('QueueSize', 2), machine.common('QueueEnable', 2)]).to.deep.equal([0, 0]);
    });

    it('has bounded work for a queue full of the longest chains', () => {
      const size = machine.common('QueueSize', 2);
      machine.start(size, undefined, queue);
      for (let i = 0; i < size; i++) {
        const flags = (i === size - 1 ? 0 : DescriptorFlag.Next) | DescriptorFlag.Write;
        machine.descriptor(i, { address: 0x80000, bytes: 0x10000, flags, next: i + 1 });
      }
      for (let i = 0; i < size; i++) machine.offer(0, size, queue);
      serve();
    });

    it('meets no exception, whatever it does', () => {
      for (let seed = 1; seed <= 40; seed++) {
        const next = randomNumbers(seed);
        machine = new VirtioMachine(make(), ram);
        const { bus } = machine.platform;
        const acts: readonly (() => void)[] = [
          () => bus.writeMemory(STRUCTURES + next(0x5000), pick(sizes, next), next(2 ** 32)),
          () => void bus.readMemory(STRUCTURES + next(0x5000), pick(sizes, next)),
          () => {
            const offset = pick(Object.values(CommonRegister), next);
            bus.writeMemory(STRUCTURES + offset, pick(sizes, next), next(0x100));
          },
          () => machine.write(1, 0x10 + next(0xf0), next(2 ** 32), pick(sizes, next) as AccessSize),
          () => machine.write(1, 4, 6, 2),
          () => machine.pci.configure(),
          () => machine.start(1 << next(8), undefined, queue),
          () =>
            machine.descriptor(next(16), {
              address: pick(addresses, next),
              bytes: pick(lengths, next),
              flags: next(8),
              next: next(20),
            }),
          () => machine.offer(next(20), 8, queue),
          () => machine.notify(next(4)),
          () => ram.set([next(256), next(256)], next(0x4000)),
          serve,
        ];
        for (let step = 0; step < 300; step++) pick(acts, next)();
        machine.virtio.restore(
          JSON.parse(JSON.stringify(machine.virtio.save())) as ReturnType<typeof machine.virtio.save>,
        );
      }
      machine.pci.reset();
      machine.pci.configure();
      machine.write(1, 4, 6, 2);
      servesAgain();
    });
  });
