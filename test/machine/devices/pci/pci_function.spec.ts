// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PciFunction, type PciIdentity } from '../../../../src/machine/devices/pci/pci_function.js';
import { PciMachine } from './pci_machine.js';

const identity: PciIdentity = {
  vendor: 0x1af4,
  device: 0x1042,
  classCode: 0x018000,
  revision: 1,
  subsystemVendor: 0x1af4,
  subsystem: 2,
  interruptPin: 1,
};

/** A function with a memory range of each kind and two capabilities. */
class Card extends PciFunction {
  readonly log: string[] = [];

  constructor(machine: PciMachine) {
    super('card', identity);
    const handler = (name: string) => ({
      readMmio: (offset: number) => offset,
      writeMmio: (offset: number, _size: number, value: number) => void this.log.push(`${name} ${offset} ${value}`),
    });
    this.addBar(machine.platform.bus, { index: 0, bytes: 0x4000, handler: handler('32') });
    this.addBar(machine.platform.bus, { index: 2, bytes: 0x100, is64Bit: true, handler: handler('64') });
    this.addCapability(9, [1, 2, 3]);
    this.addCapability(0x11, [0x12, 0x34], [0, 0xc0]);
  }
}

function make(): { machine: PciMachine; card: Card } {
  const machine = new PciMachine();
  const card = new Card(machine);
  machine.pci.add(1, card);
  return { machine, card };
}

describe('PciFunction', () => {
  it('identifies itself, and these registers are read-only', () => {
    const { machine } = make();
    for (const offset of [0x00, 0x08, 0x2c]) machine.write(1, offset, 0xffffffff);
    expect(machine.read(1, 0x00)).to.equal(0x10421af4);
    expect(machine.read(1, 0x08)).to.equal(0x01800001);
    expect(machine.read(1, 0x2c)).to.equal(0x00021af4);
    expect(machine.read(1, 0x3d, 1)).to.equal(1);
  });

  it('tells the size of a 32-bit memory range by the bits that stay 0, and decodes it where it is put', () => {
    const { machine, card } = make();
    machine.write(1, 0x10, 0xffffffff);
    expect(machine.read(1, 0x10)).to.equal(0xffffc000);
    machine.write(1, 0x10, 0xe0008000);
    const { bus } = machine.platform;
    expect(bus.readMemory(0xe0008010, 4), 'decoding is off').to.equal(0xffffffff);
    machine.write(1, 0x04, 2, 2);
    expect(bus.readMemory(0xe0008010, 4)).to.equal(0x10);
    machine.write(1, 0x10, 0xe0010000);
    bus.writeMemory(0xe0008010, 4, 1);
    bus.writeMemory(0xe0010014, 4, 2);
    expect(card.log).to.deep.equal(['32 20 2']);
  });

  it('decodes a 64-bit memory range above 4 GiB', () => {
    const { machine } = make();
    machine.write(1, 0x18, 0xffffffff);
    machine.write(1, 0x1c, 0xffffffff);
    expect([machine.read(1, 0x18), machine.read(1, 0x1c)]).to.deep.equal([0xffffff04, 0xffffffff]);
    machine.write(1, 0x18, 0x40000000);
    machine.write(1, 0x1c, 2);
    machine.write(1, 0x04, 2, 2);
    expect(machine.platform.bus.readMemory(0x240000020, 4)).to.equal(0x20);
    expect(machine.platform.bus.readMemory(0x40000020, 4)).to.equal(0xffffffff);
  });

  it('has a list of capabilities, of which only the bits meant for software can be written', () => {
    const { machine } = make();
    expect(machine.read(1, 6, 2) & 0x10).to.equal(0x10);
    const first = machine.read(1, 0x34, 1);
    const second = machine.read(1, first + 1, 1);
    expect([machine.read(1, first, 1), machine.read(1, second, 1), machine.read(1, second + 1, 1)]).to.deep.equal([
      9, 0x11, 0,
    ]);
    machine.write(1, second + 2, 0xffff, 2);
    expect(machine.read(1, second + 2, 2)).to.equal(0xf412);
  });

  it('lets software write the bits of the command register that it has', () => {
    const { machine, card } = make();
    machine.write(1, 4, 0xffff, 2);
    expect([machine.read(1, 4, 2), card.isBusMaster]).to.deep.equal([0x406, true]);
  });
});
