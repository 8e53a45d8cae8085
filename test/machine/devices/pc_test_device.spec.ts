// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PcTestDevice } from '../../../src/machine/devices/pc_test_device.js';
import { FakePlatform } from './fake_platform.js';

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
