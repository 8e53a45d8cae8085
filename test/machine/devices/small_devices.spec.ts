// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { AcpiPm } from '../../../src/machine/devices/acpi_pm.js';
import { DebugPorts } from '../../../src/machine/devices/debug_ports.js';
import { FwCfg } from '../../../src/machine/devices/fw_cfg.js';
import { KeyboardController } from '../../../src/machine/devices/keyboard_controller.js';
import { NumericError } from '../../../src/machine/devices/numeric_error.js';
import { PcTestDevice } from '../../../src/machine/devices/pc_test_device.js';
import { PowerPorts } from '../../../src/machine/devices/power_ports.js';
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
});

describe('PowerPorts', () => {
  it('switches off by "Shutdown", and by nothing less', () => {
    const platform = new FakePlatform();
    new PowerPorts(platform.bus, platform);
    const write = (text: string): void => [...text].forEach((letter) => platform.out(0x8900, letter.charCodeAt(0)));
    write('ShutShutdow');
    expect(platform.log).to.deep.equal([]);
    write('n');
    expect(platform.log).to.deep.equal(['power off: port 0x8900']);
  });

  it('resets by port 92h and CF9h', () => {
    const platform = new FakePlatform();
    new PowerPorts(platform.bus, platform);
    platform.out(0x92, 3);
    platform.out(0xcf9, 2);
    platform.out(0xcf9, 6);
    expect(platform.log).to.deep.equal(['a20: true', 'reset: port 0x92', 'reset: port 0xcf9']);
  });
});

describe('NumericError', () => {
  it('drives IRQ 13 from FERR# until port F0h is written, and then IGNNE# while FERR# is asserted', () => {
    const platform = new FakePlatform();
    const line = platform.line();
    const device = new NumericError(platform.bus, line);
    expect([device.setError(true), line.level]).to.deep.equal([false, true]);
    platform.out(0xf0, 0);
    expect([line.level, device.setError(true)]).to.deep.equal([false, true]);
    expect([device.setError(false), line.edges]).to.deep.equal([false, 1]);
    expect([device.setError(true), line.edges]).to.deep.equal([false, 2]);
  });

  it('does nothing on a write to port F0h without an error', () => {
    const platform = new FakePlatform();
    const line = platform.line();
    const device = new NumericError(platform.bus, line);
    platform.out(0xf0, 0);
    expect([device.setError(true), line.level, platform.bus.readPort(0xf0, 1)]).to.deep.equal([false, true, 0xff]);
  });
});

describe('DebugPorts', () => {
  it('reports the value written to F4h and passes on bytes of E9h', () => {
    const platform = new FakePlatform();
    const bytes: number[] = [];
    const ports = new DebugPorts(platform.bus, platform, (byte) => bytes.push(byte));
    platform.bus.writePort(0xf4, 4, 38);
    platform.out(0xe9, 65);
    platform.out(0x80, 0x20);
    expect(platform.log).to.deep.equal(['debug exit: 38']);
    expect(bytes).to.deep.equal([65]);
    expect(ports.postCode).to.equal(0x20);
  });
});

describe('KeyboardController', () => {
  it('passes its self test and resets the machine by FEh', () => {
    const platform = new FakePlatform();
    new KeyboardController(platform.bus, platform.line(), platform);
    platform.out(0x64, 0xaa);
    expect(platform.in(0x64) & 1).to.equal(1);
    expect(platform.in(0x60)).to.equal(0x55);
    expect(platform.in(0x64) & 1).to.equal(0);
    platform.out(0x64, 0xfe);
    expect(platform.log).to.deep.equal(['reset: keyboard controller, port 0x64']);
  });

  it('answers the keyboard commands of a driver with an interrupt a byte', () => {
    const platform = new FakePlatform();
    const line = platform.line();
    new KeyboardController(platform.bus, line, platform);
    platform.out(0x60, 0xf2);
    expect([platform.in(0x60), platform.in(0x60), platform.in(0x60)]).to.deep.equal([0xfa, 0xab, 0x83]);
    expect(line.edges).to.equal(3);
  });
});

describe('KeyboardController without a mouse', () => {
  it('answers the probe for a second port at once, and not as one', () => {
    const platform = new FakePlatform();
    new KeyboardController(platform.bus, platform.line(), platform);
    platform.out(0x64, 0xd3);
    platform.out(0x60, 0x5a);
    expect(platform.in(0x64) & 0x21).to.equal(1);
    expect(platform.in(0x60)).to.equal(0x5a);
    platform.out(0x64, 0xa9);
    expect(platform.in(0x60)).to.not.equal(0);
  });
});

describe('FwCfg', () => {
  it('reports memory and processors', () => {
    const platform = new FakePlatform();
    new FwCfg(platform.bus, { memoryBytes: 0x20000000, processors: 4 });
    const read = (key: number, size: number): number => {
      platform.bus.writePort(0x510, 2, key);
      let value = 0;
      for (let i = 0; i < size; i++) value += platform.in(0x511) * 2 ** (8 * i);
      return value;
    };
    expect([read(0, 4), read(3, 8), read(5, 2)]).to.deep.equal([0x554d4551, 0x20000000, 4]);
  });
});

describe('PcTestDevice', () => {
  it('reads back its register, drives interrupts and flushes pages', () => {
    const platform = new FakePlatform();
    const log: string[] = [];
    const inputs = { setInput: (input: number, level: boolean) => void log.push(`${input}:${level}`) };
    new PcTestDevice(platform.bus, inputs, (address) => log.push(`flush ${address.toString(16)}`));
    platform.bus.writePort(0xe0, 4, 0x12345678);
    platform.bus.writePort(0xe1, 1, 0xff);
    expect(platform.bus.readPort(0xe0, 4)).to.equal(0x1234ff78);
    platform.out(0x2004, 1);
    platform.bus.writePort(0xe4, 4, 0x7000);
    expect(log).to.deep.equal(['4:true', 'flush 7000']);
    platform.bus.writeMemory(0xff000010, 4, 0xcafebabe);
    expect(platform.bus.readMemory(0xff000012, 2)).to.equal(0xcafe);
  });
});
