// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MSI_CAPABILITY, MsiControl, MsiRegister } from '../../../../src/machine/devices/pci/msi.js';
import type { DescriptorChain } from '../../../../src/machine/devices/virtio/descriptor_chain.js';
import type { VirtioDevice } from '../../../../src/machine/devices/virtio/virtio_device.js';
import { DescriptorFlag } from '../../../../src/machine/devices/virtio/virtio_registers.js';
import { Area, MSIX_TABLE, VirtioMachine } from './virtio_machine.js';

/** A device that answers with what it was given, plus one. */
class Echo implements VirtioDevice {
  readonly name = 'echo';
  readonly type = 4;
  readonly classCode = 0xff0000;
  readonly features = 0x5;
  readonly queueSizes = [8];
  readonly configuration = Uint8Array.of(1, 2, 3, 4, 5);
  readonly latency = 1000;
  handled = 0;

  handle({ readable, writable }: DescriptorChain): void {
    this.handled++;
    const bytes = readable.read(readable.left);
    writable.write(bytes.map((byte) => byte + 1));
  }

  save(): object {
    return { handled: this.handled };
  }

  restore(state: object): void {
    this.handled = (state as { handled: number }).handled;
  }
}

const NEEDS_RESET = 0x40;
const WRITE = DescriptorFlag.Write;

function make(): VirtioMachine {
  return new VirtioMachine(new Echo());
}

/** Asks the device for an echo of three bytes. */
function ask(machine: VirtioMachine): void {
  machine.ram.set([10, 20, 30], Area.Data);
  machine.chain({ address: Area.Data, bytes: 3 }, { address: Area.Data + 0x100, bytes: 3, flags: WRITE });
  machine.offer(0);
}

describe('VirtioFunction', () => {
  it('is a modern device of its type with a list of capabilities that leads to each structure', () => {
    const machine = make();
    expect([machine.read(1, 0), machine.read(1, 8)]).to.deep.equal([0x10441af4, 0xff000001]);
    const kinds: number[][] = [];
    for (let at = machine.read(1, 0x34, 1); at !== 0; at = machine.read(1, at + 1, 1)) {
      const id = machine.read(1, at, 1);
      kinds.push(id === 9 ? [machine.read(1, at + 3, 1), machine.read(1, at + 8), machine.read(1, at + 12)] : [id]);
    }
    const structures = [1, 2, 3, 4].map((type) => [type, (type - 1) * 0x1000, 0x1000]);
    expect(kinds).to.deep.equal([[0x11], [MSI_CAPABILITY], ...structures, [5, 0, 0]]);
  });

  it('offers the features of device and transport, and accepts no others', () => {
    const machine = make();
    const offered = [0, 1, 2].map((select) => {
      machine.setCommon('DeviceFeatureSelect', 4, select);
      return machine.common('DeviceFeature', 4);
    });
    expect(offered).to.deep.equal([5, 1, 0]);
    for (const [low, high] of [
      [7, 1],
      [1, 0],
      [1, 3],
    ] as const) {
      machine.setCommon('DeviceStatus', 1, 0);
      [low, high].forEach((word, select) => {
        machine.setCommon('DriverFeatureSelect', 4, select);
        machine.setCommon('DriverFeature', 4, word);
      });
      machine.setCommon('DeviceStatus', 1, 0xb);
      expect(machine.status, `features ${low}, ${high}`).to.equal(3);
    }
    machine.setCommon('DriverFeature', 4, 1);
    machine.setCommon('DeviceStatus', 1, 0xb);
    expect(machine.status).to.equal(0xb);
  });

  it('carries out a request after its latency, and touches no memory before', () => {
    const machine = make();
    machine.start();
    ask(machine);
    machine.platform.advance(999);
    expect([machine.usedIndex, machine.ram[Area.Data + 0x100]]).to.deep.equal([0, 0]);
    machine.platform.advance(1);
    expect([...machine.ram.subarray(Area.Data + 0x100, Area.Data + 0x103)]).to.deep.equal([11, 21, 31]);
    expect([machine.usedIndex, machine.used(0)]).to.deep.equal([1, [0, 3]]);
  });

  it('interrupts by wire until the ISR status is read', () => {
    const machine = make();
    machine.start();
    ask(machine);
    machine.complete();
    const wire = machine.wires[11]!;
    expect(wire.level).to.equal(true);
    expect([machine.isr, wire.level, machine.isr]).to.deep.equal([1, false, 0]);
  });

  it('interrupts by the message of the queue when MSI-X is on', () => {
    const machine = make();
    machine.setCommon('QueueVector', 2, 1);
    machine.setCommon('ConfigurationVector', 2, 2);
    expect([machine.common('QueueVector', 2), machine.common('ConfigurationVector', 2)]).to.deep.equal([1, 0xffff]);
    machine.write(1, 0x42, 0x8000, 2);
    [0xfee01000, 0, 0x41, 0].forEach((word, i) => machine.platform.bus.writeMemory(MSIX_TABLE + 16 + 4 * i, 4, word));
    machine.start();
    ask(machine);
    machine.complete();
    expect(machine.messages).to.deep.equal(['fee01000:41']);
    expect([machine.wires[11]!.level, machine.isr]).to.deep.equal([false, 0]);
  });

  it('interrupts by its one message when MSI is on, with the cause in the ISR status', () => {
    const machine = make();
    let at = machine.read(1, 0x34, 1);
    while (machine.read(1, at, 1) !== MSI_CAPABILITY) at = machine.read(1, at + 1, 1);
    machine.write(1, at + MsiRegister.Address.offset, 0xfee01000);
    machine.write(1, at + MsiRegister.Data.offset, 0x41, 2);
    machine.write(1, at + MsiRegister.Control.offset, MsiControl.Enable, 2);
    machine.start();
    ask(machine);
    machine.complete();
    expect([machine.messages, machine.wires[11]!.level, machine.isr]).to.deep.equal([['fee01000:41'], false, 1]);
  });

  it('does not interrupt a driver that wants none', () => {
    const machine = make();
    machine.start();
    machine.view.setUint16(Area.Driver, 1, true);
    ask(machine);
    machine.complete();
    expect([machine.usedIndex, machine.wires[11]!.level]).to.deep.equal([1, false]);
  });

  it('touches no memory without bus mastering, before DRIVER_OK, or after a reset', () => {
    const without: Record<string, (machine: VirtioMachine) => void> = {
      'bus mastering': (machine) => machine.write(1, 4, 2, 2),
      DRIVER_OK: (machine) => machine.setCommon('DeviceStatus', 1, 0xb),
      'a reset': (machine) => machine.setCommon('DeviceStatus', 1, 0),
    };
    for (const [name, act] of Object.entries(without)) {
      const machine = make();
      machine.start();
      ask(machine);
      act(machine);
      machine.complete();
      expect([machine.usedIndex, (machine.device as Echo).handled], name).to.deep.equal([0, 0]);
    }
  });

  it('takes only powers of two up to its maximum as sizes, and no change of an enabled queue', () => {
    const machine = make();
    for (const size of [0, 3, 16, 0x8000]) {
      machine.setCommon('QueueSize', 2, size);
      expect(machine.common('QueueSize', 2), String(size)).to.equal(8);
    }
    machine.start(4);
    machine.setCommon('QueueSize', 2, 8);
    machine.setCommon('QueueDriver', 4, 0x8000);
    expect([machine.common('QueueSize', 2), machine.common('QueueDriver', 4)]).to.deep.equal([4, Area.Driver]);
    machine.setCommon('QueueSelect', 2, 1);
    expect([machine.common('QueueSize', 2), machine.common('QueueEnable', 2)]).to.deep.equal([0, 0]);
  });

  it('shows the configuration of the device, and zeros behind it', () => {
    const machine = make();
    expect([machine.configuration(0), machine.configuration(4), machine.configuration(8)]).to.deep.equal([
      0x04030201, 5, 0,
    ]);
  });

  it('lets software reach the structures through configuration space', () => {
    const machine = make();
    let at = machine.read(1, 0x34, 1);
    while (machine.read(1, at + 3, 1) !== 5 || machine.read(1, at, 1) !== 9) at = machine.read(1, at + 1, 1);
    machine.write(1, at + 8, 0x3001);
    machine.write(1, at + 12, 1);
    expect(machine.read(1, at + 16, 1)).to.equal(2);
    machine.write(1, at + 8, 0x14);
    machine.write(1, at + 16, 3, 1);
    expect(machine.status).to.equal(3);
    machine.write(1, at + 8, 0x4000);
    machine.write(1, at + 16, 0, 1);
    expect(machine.status, 'beyond the structures').to.equal(3);
  });

  it('comes back from its saved state with a request under way', () => {
    const [first, second] = [make(), make()];
    first.start();
    ask(first);
    second.pci.restore(JSON.parse(JSON.stringify(first.pci.save())) as object);
    second.platform.events.restore(first.platform.events.save());
    second.ram.set(first.ram);
    first.complete();
    second.complete();
    expect(second.ram).to.deep.equal(first.ram);
    expect(second.pci.save()).to.deep.equal(first.pci.save());
    expect(second.usedIndex).to.equal(1);
    first.pci.reset();
    first.pci.configure();
    expect([first.status, first.wires[11]!.level]).to.deep.equal([0, false]);
  });

  describe('against a hostile driver', () => {
    const hostile: Record<string, (machine: VirtioMachine) => void> = {
      'a loop of descriptors': (machine) => {
        machine.descriptor(0, { address: Area.Data, bytes: 1, flags: DescriptorFlag.Next, next: 1 });
        machine.descriptor(1, { address: Area.Data, bytes: 1, flags: DescriptorFlag.Next, next: 0 });
        machine.offer(0);
      },
      'a head outside the queue': (machine) => machine.offer(8),
      'a next outside the queue': (machine) => {
        machine.descriptor(0, { address: Area.Data, bytes: 1, flags: DescriptorFlag.Next, next: 0xffff });
        machine.offer(0);
      },
      'a buffer at the end of RAM': (machine) => {
        machine.descriptor(0, { address: (1 << 20) - 1, bytes: 2 });
        machine.offer(0);
      },
      'a buffer above 4 GiB, where the VMM lives': (machine) => {
        machine.descriptor(0, { address: 2 ** 32, bytes: 16, flags: WRITE });
        machine.offer(0);
      },
      'an address of 64 ones': (machine) => {
        machine.view.setBigUint64(Area.Descriptors, 0xffff_ffff_ffff_ffffn, true);
        machine.view.setUint32(Area.Descriptors + 8, 2, true);
        machine.offer(0);
      },
      'an empty buffer': (machine) => {
        machine.descriptor(0, { address: Area.Data, bytes: 0 });
        machine.offer(0);
      },
      'an indirect descriptor': (machine) => {
        machine.descriptor(0, { address: Area.Data, bytes: 16, flags: DescriptorFlag.Indirect });
        machine.offer(0);
      },
      'a readable buffer behind a writable one': (machine) => {
        machine.chain({ address: Area.Data, bytes: 1, flags: WRITE }, { address: Area.Data, bytes: 1 });
        machine.offer(0);
      },
      'no room for the answer': (machine) => {
        machine.chain({ address: Area.Data, bytes: 3 }, { address: Area.Data, bytes: 2, flags: WRITE });
        machine.offer(0);
      },
      'more requests than the queue has': (machine) => {
        machine.view.setUint16(Area.Driver + 2, 9, true);
        machine.notify();
      },
    };
    for (const [name, act] of Object.entries(hostile)) {
      it(`asks for a reset, and does nothing more, after ${name}`, () => {
        const machine = make();
        machine.start();
        act(machine);
        machine.complete();
        expect(machine.status & NEEDS_RESET).to.equal(NEEDS_RESET);
        expect([machine.usedIndex, machine.isr]).to.deep.equal([0, 2]);
        machine.notify();
        machine.complete();
        machine.setCommon('DeviceStatus', 1, 0xf);
        expect([machine.usedIndex, machine.status]).to.deep.equal([0, 0xf | NEEDS_RESET]);
      });
    }

    for (const area of ['descriptors', 'driver', 'device'] as const) {
      it(`asks for a reset when the ${area} area is not in RAM`, () => {
        const machine = make();
        machine.start(8, {
          descriptors: Area.Descriptors,
          driver: Area.Driver,
          device: Area.Device,
          [area]: 0xffffff00,
        });
        ask(machine);
        // A driver area outside RAM is read at once; the others with the request.
        machine.complete();
        expect(machine.status & NEEDS_RESET).to.equal(NEEDS_RESET);
      });
    }

    it('works after a reset by the driver', () => {
      const machine = make();
      machine.start();
      machine.view.setUint16(Area.Driver + 2, 9, true);
      machine.notify();
      machine.complete();
      machine.setCommon('DeviceStatus', 1, 0);
      machine.ram.fill(0);
      machine.start();
      ask(machine);
      machine.complete();
      expect([machine.status, machine.usedIndex]).to.deep.equal([0xf, 1]);
    });
  });
});
