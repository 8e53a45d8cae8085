// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BusConflictError } from '../../../../src/machine/devices/bus_conflict_error.js';
import { HostBridge } from '../../../../src/machine/devices/pci/host_bridge.js';
import { PciFunction } from '../../../../src/machine/devices/pci/pci_function.js';
import { PciMachine } from './pci_machine.js';

/** A function that has an interrupt pin and a memory range, and lets a test drive them. */
class Card extends PciFunction {
  constructor(name: string, machine: PciMachine, bytes = 0x1000) {
    super(name, { vendor: 0x1234, device: 0x5678, classCode: 0xff0000, revision: 1, interruptPin: 1 });
    const handler = { readMmio: (offset: number) => offset, writeMmio: () => {} };
    this.addBar(machine.platform.bus, { index: 0, bytes, handler });
  }

  request(level: boolean): void {
    this.setInterrupt(level);
  }
}

describe('PciBus', () => {
  it('shows the host bridge, and nothing where there is no function', () => {
    const machine = new PciMachine();
    machine.pci.add(0, new HostBridge());
    expect(machine.read(0, 0)).to.equal(0x12378086);
    expect(machine.read(0, 0xa, 2)).to.equal(0x0600);
    expect(machine.read(1, 0)).to.equal(0xffffffff);
    expect(machine.platform.bus.readPort(0xcf8, 4)).to.equal(0x80000800);
  });

  it('has no other bus and no other function, and needs the enable bit', () => {
    const machine = new PciMachine();
    machine.pci.add(0, new HostBridge());
    for (const address of [0x80010000, 0x80000100, 0x00000000]) {
      machine.platform.bus.writePort(0xcf8, 4, address);
      expect(machine.platform.bus.readPort(0xcfc, 4), address.toString(16)).to.equal(0xffffffff);
    }
  });

  it('leaves bytes at CF8h to other devices', () => {
    const machine = new PciMachine();
    machine.platform.bus.writePort(0xcf8, 4, 0x80000800);
    machine.platform.bus.writePort(0xcf8, 1, 0xff);
    expect(machine.platform.bus.readPort(0xcf8, 4)).to.equal(0x80000800);
    expect(machine.platform.bus.readPort(0xcf8, 1)).to.equal(0xff);
  });

  it('.add refuses a second function for a device, and a device above 31', () => {
    const machine = new PciMachine();
    machine.pci.add(1, new Card('first', machine));
    expect(() => machine.pci.add(1, new Card('second', machine))).to.throw(BusConflictError, 'second');
    expect(() => machine.pci.add(32, new Card('third', machine))).to.throw(BusConflictError, 'third');
  });

  it('.configure gives each memory range a place of its own that its size divides, and turns it on', () => {
    const machine = new PciMachine();
    machine.pci.add(1, new Card('small', machine, 0x1000));
    machine.pci.add(2, new Card('large', machine, 0x10000));
    machine.pci.configure();
    expect([machine.read(1, 0x10), machine.read(2, 0x10)]).to.deep.equal([0xe0000000, 0xe0010000]);
    expect(machine.platform.bus.readMemory(0xe0010004, 4)).to.equal(4);
    expect([machine.read(1, 0x3c, 1), machine.read(2, 0x3c, 1)]).to.deep.equal([11, 10]);
  });

  it('shares an interrupt wire among pins: it is active while one of them is', () => {
    const machine = new PciMachine();
    const [first, second] = [new Card('first', machine), new Card('second', machine)];
    machine.pci.add(1, first);
    machine.pci.add(3, second);
    first.request(true);
    second.request(true);
    first.request(false);
    expect([machine.wires[11]!.level, machine.wires[10]!.level]).to.deep.equal([true, false]);
    second.request(false);
    expect(machine.wires[11]!.level).to.equal(false);
  });

  it('takes the wire back while software disables the interrupt', () => {
    const machine = new PciMachine();
    const card = new Card('card', machine);
    machine.pci.add(1, card);
    card.request(true);
    machine.write(1, 4, 0x400, 2);
    expect([machine.wires[11]!.level, machine.read(1, 6, 2)]).to.deep.equal([false, 8]);
    machine.write(1, 4, 0, 2);
    expect(machine.wires[11]!.level).to.equal(true);
  });

  it('comes back from its saved state with wires and memory ranges, and is as after power-on by a reset', () => {
    const make = (): [PciMachine, Card] => {
      const machine = new PciMachine();
      const card = new Card('card', machine);
      machine.pci.add(1, card);
      return [machine, card];
    };
    const [first, card] = make();
    const fresh = first.pci.save();
    first.pci.configure();
    card.request(true);
    const saved = JSON.parse(JSON.stringify(first.pci.save())) as object;
    const [second] = make();
    second.pci.restore(saved);
    expect(second.pci.save()).to.deep.equal(saved);
    expect([second.wires[11]!.level, second.platform.bus.readMemory(0xe0000008, 4)]).to.deep.equal([true, 8]);
    second.pci.reset();
    expect(second.pci.save()).to.deep.equal(fresh);
    expect([second.wires[11]!.level, second.platform.bus.readMemory(0xe0000008, 4)]).to.deep.equal([false, 0xffffffff]);
  });
});
