// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BusConflictError } from '../../../src/machine/devices/bus_conflict_error.js';
import { IoBus } from '../../../src/machine/devices/io_bus.js';

describe('IoBus', () => {
  const recorder = (): {
    log: string[];
    readPort(p: number, s: number): number;
    writePort(p: number, s: number, v: number): void;
  } => {
    const log: string[] = [];
    return {
      log,
      readPort: (port) => port & 0xff,
      writePort: (port, size, value) => void log.push(`${port.toString(16)}/${size}=${value.toString(16)}`),
    };
  };

  it('reads all ones where there is no device', () => {
    const bus = new IoBus();
    expect([bus.readPort(0x123, 1), bus.readPort(0x123, 2), bus.readPort(0x123, 4)]).to.deep.equal([
      0xff, 0xffff, 0xffffffff,
    ]);
    expect(bus.readMemory(0xfe000000, 4)).to.equal(0xffffffff);
  });

  it('splits a wide access to 8-bit ports, also where another device or none follows', () => {
    const bus = new IoBus();
    const device = recorder();
    bus.claimPorts(0x70, 2, device);
    bus.writePort(0x70, 4, 0x44332211);
    expect(device.log).to.deep.equal(['70/1=11', '71/1=22']);
    expect(bus.readPort(0x70, 4)).to.equal(0xffff7170);
  });

  it('hands a wide access whole to a device that takes it', () => {
    const bus = new IoBus();
    const device = recorder();
    bus.claimPorts(0xf4, 4, device, 'any');
    bus.writePort(0xf4, 4, 0xfedcba98);
    expect(device.log).to.deep.equal(['f4/4=fedcba98']);
  });

  it('refuses to give a port or an address twice', () => {
    const bus = new IoBus();
    bus.claimPorts(0x60, 1, recorder());
    expect(() => bus.claimPorts(0x5f, 2, recorder())).to.throw(BusConflictError, 'port 0x60');
    const memory = { readMmio: () => 0, writeMmio: () => {} };
    bus.claimMemory(0xfec00000, 0x1000, memory);
    expect(() => bus.claimMemory(0xfec00fff, 1, memory)).to.throw(BusConflictError, '0xfec00fff');
  });
});
