// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { AcpiPm } from '../../../src/machine/devices/acpi_pm.js';
import { FakePlatform } from './fake_platform.js';

describe('AcpiPm', () => {
  it('counts at 3.579545 MHz in 24 bits', () => {
    const platform = new FakePlatform();
    new AcpiPm(platform.bus, platform.events, platform);
    platform.time = 1e9;
    expect(platform.bus.readPort(0x608, 4)).to.equal(3579545);
    platform.time = 100e9;
    expect(platform.bus.readPort(0x608, 4)).to.equal(357954500 % 0x1000000);
  });

  it('switches off by SLP_EN', () => {
    const platform = new FakePlatform();
    new AcpiPm(platform.bus, platform.events, platform);
    platform.bus.writePort(0x604, 2, 0x2000);
    expect(platform.log).to.deep.equal(['power off: ACPI PM1a control, port 0x604']);
  });

  it('takes a write that reaches a part of a register, or two of them', () => {
    const platform = new FakePlatform();
    new AcpiPm(platform.bus, platform.events, platform);
    const { bus } = platform;
    bus.writePort(0x600, 4, 0x1234_0001);
    expect(bus.readPort(0x602, 2)).to.equal(0x1234);
    bus.writePort(0x603, 1, 0x55);
    expect([bus.readPort(0x602, 2), bus.readPort(0x600, 4)]).to.deep.equal([0x5534, 0x5534_0000]);
    bus.writePort(0x605, 1, 0x20);
    expect(platform.log).to.deep.equal(['power off: ACPI PM1a control, port 0x604']);
  });

  it('reads the same timer by bytes, and nothing between the blocks', () => {
    const platform = new FakePlatform();
    new AcpiPm(platform.bus, platform.events, platform);
    platform.time = 1e9;
    const bytes = [0, 1, 2, 3].map((at) => platform.in(0x608 + at) * 2 ** (8 * at));
    expect(bytes.reduce((sum, byte) => sum + byte)).to.equal(3579545);
    platform.bus.writePort(0x606, 2, 0xffff);
    expect([platform.bus.readPort(0x606, 2), platform.bus.readPort(0x604, 4)]).to.deep.equal([0, 1]);
  });
});
