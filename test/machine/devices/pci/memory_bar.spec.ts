// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { IoBus } from '../../../../src/machine/devices/io_bus.js';
import { ConfigSpace } from '../../../../src/machine/devices/pci/config_space.js';
import { MemoryBar } from '../../../../src/machine/devices/pci/memory_bar.js';

describe('MemoryBar', () => {
  function make(is64Bit: boolean): { bus: IoBus; config: ConfigSpace; bar: MemoryBar } {
    const bus = new IoBus();
    const config = new ConfigSpace();
    const handler = { readMmio: (offset: number) => offset, writeMmio: () => {} };
    return { bus, config, bar: new MemoryBar(config, bus, { index: 0, bytes: 0x1000, is64Bit, handler }) };
  }

  it('is on the bus at its address while the function decodes memory', () => {
    const { bus, bar } = make(false);
    bar.address = 0xe0001000;
    expect(bus.readMemory(0xe0001004, 4)).to.equal(0xffffffff);
    bar.update(true);
    expect(bus.readMemory(0xe0001004, 4)).to.equal(4);
    bar.update(false);
    expect(bus.readMemory(0xe0001004, 4)).to.equal(0xffffffff);
  });

  it('takes two registers for 64 bits, whose low bits say so', () => {
    const { config, bar } = make(true);
    config.write(0x10, 4, 0x12345fff);
    config.write(0x14, 4, 3);
    expect([config.read(0x10, 4), bar.address]).to.deep.equal([0x12345004, 0x312345000]);
    bar.address = 0xe0000000;
    expect([config.read(0x10, 4), config.read(0x14, 4)]).to.deep.equal([0xe0000004, 0]);
  });
});
