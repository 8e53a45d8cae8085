// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BusConflictError } from '../../../src/machine/devices/bus_conflict_error.js';
import { IoBus } from '../../../src/machine/devices/io_bus.js';
import { claimRegisters } from '../../../src/machine/devices/port_registers.js';

describe('claimRegisters', () => {
  it('gives each register its ports, with the port and the width of an access', () => {
    const bus = new IoBus();
    const log: string[] = [];
    claimRegisters(bus, [
      { port: 0x10, read: () => 0x5a, write: (value) => log.push(`first ${value}`) },
      { port: 0x20, ports: 4, width: 'any', write: (value, size, port) => log.push(`${port} ${size} ${value}`) },
    ]);
    bus.writePort(0x10, 1, 7);
    bus.writePort(0x22, 2, 0x1234);
    expect(log).to.deep.equal(['first 7', '34 2 4660']);
    expect(bus.readPort(0x10, 1)).to.equal(0x5a);
  });

  it('reads all ones from a register that cannot be read, and ignores writes to one that cannot be written', () => {
    const bus = new IoBus();
    claimRegisters(bus, [{ port: 0x10 }, { port: 0x20, ports: 4, width: 'any' }]);
    bus.writePort(0x10, 1, 7);
    expect([bus.readPort(0x10, 1), bus.readPort(0x20, 2), bus.readPort(0x20, 4)]).to.deep.equal([
      0xff, 0xffff, 0xffffffff,
    ]);
  });

  it('refuses a port that another register has', () => {
    const bus = new IoBus();
    expect(() => claimRegisters(bus, [{ port: 0x10, ports: 2 }, { port: 0x11 }])).to.throw(BusConflictError, '0x11');
  });
});
