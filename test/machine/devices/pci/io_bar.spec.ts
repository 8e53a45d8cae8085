// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PciFunction } from '../../../../src/machine/devices/pci/pci_function.js';
import { PciMachine } from './pci_machine.js';

/** A function with sixteen ports in its first base address register and memory in the second. */
class PortCard extends PciFunction {
  readonly log: string[] = [];

  constructor(name: string, machine: PciMachine) {
    super(name, { vendor: 0x1234, device: 0x5678, classCode: 0xff0000, revision: 1, interruptPin: 0 });
    this.addIoBar(machine.platform.bus, {
      index: 0,
      bytes: 0x10,
      handler: {
        readPort: (port, size) => 0x100 * size + port,
        writePort: (port, size, value) => void this.log.push(`${port} ${size} ${value.toString(16)}`),
      },
    });
    const handler = { readMmio: (offset: number) => offset, writeMmio: () => {} };
    this.addBar(machine.platform.bus, { index: 1, bytes: 0x1000, handler });
  }
}

function make(): { machine: PciMachine; card: PortCard } {
  const machine = new PciMachine();
  const card = new PortCard('card', machine);
  machine.pci.add(1, card);
  return { machine, card };
}

const [COMMAND, BAR0, BAR1] = [0x04, 0x10, 0x14];

describe('IoBar', () => {
  it('tells by bit 0 that it is for ports, and its size by the bits that stay 0', () => {
    const { machine } = make();
    expect(machine.read(1, BAR0)).to.equal(1);
    machine.write(1, BAR0, 0xffffffff);
    expect(machine.read(1, BAR0)).to.equal(0xfffffff1);
  });

  it('is on the bus at its ports while the function decodes I/O, in accesses of each width', () => {
    const { machine, card } = make();
    const { bus } = machine.platform;
    machine.write(1, BAR0, 0x1231);
    machine.write(1, COMMAND, 2, 2);
    expect(bus.readPort(0x1230, 1), 'memory alone is decoded').to.equal(0xff);
    machine.write(1, COMMAND, 1, 2);
    expect([bus.readPort(0x1234, 1), bus.readPort(0x1234, 2), bus.readPort(0x123c, 4)]).to.deep.equal([
      0x04, 0x204, 0x40c,
    ]);
    bus.writePort(0x123e, 2, 0xbeef);
    bus.writePort(0x1240, 1, 1);
    expect(card.log).to.deep.equal(['14 2 beef']);
    expect(bus.readPort(0x123e, 4), 'its last two ports, and two that nobody has').to.equal(0xffff0f0e);
    machine.write(1, BAR0, 0x2000);
    expect([bus.readPort(0x1234, 1), bus.readPort(0x2004, 1)]).to.deep.equal([0xff, 0x04]);
  });

  it('neither takes the port of another device, nor is anywhere if it is put beyond the last port', () => {
    const { machine, card } = make();
    machine.write(1, COMMAND, 1, 2);
    machine.write(1, BAR0, 0xcf0);
    machine.platform.bus.writePort(0xcf8, 4, 0x80000800);
    expect(machine.platform.bus.readPort(0xcf8, 4)).to.equal(0x80000800);
    machine.write(1, BAR0, 0x10000);
    machine.platform.bus.writePort(0, 1, 1);
    expect(card.log).to.deep.equal([]);
  });

  it('gets a place for its ports and one for its memory from the firmware, and both are on', () => {
    const { machine } = make();
    machine.pci.add(2, new PortCard('second', machine));
    machine.pci.configure();
    expect([1, 2].map((device) => machine.read(device, BAR0))).to.deep.equal([0xc001, 0xc011]);
    expect([1, 2].map((device) => machine.read(device, BAR1))).to.deep.equal([0xe0000000, 0xe0001000]);
    expect(machine.read(1, COMMAND, 2)).to.equal(3);
    const { bus } = machine.platform;
    expect([bus.readPort(0xc012, 1), bus.readMemory(0xe0001004, 4)]).to.deep.equal([2, 4]);
  });

  it('comes back with its saved state, and is off the bus after a reset', () => {
    const { machine } = make();
    machine.pci.configure();
    const saved = machine.pci.save();
    machine.pci.reset();
    expect(machine.platform.bus.readPort(0xc004, 1)).to.equal(0xff);
    machine.pci.restore(saved);
    expect(machine.platform.bus.readPort(0xc004, 1)).to.equal(4);
  });

  it('leaves the I/O bit of a function without ports at 0', () => {
    const machine = new PciMachine();
    const identity = { vendor: 1, device: 1, classCode: 0xff0000, revision: 1, interruptPin: 0 };
    machine.pci.add(1, new PciFunction('plain', identity));
    machine.write(1, COMMAND, 3, 2);
    expect(machine.read(1, COMMAND, 2)).to.equal(2);
  });
});
