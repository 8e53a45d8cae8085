// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { DebugPorts } from '../../../src/machine/devices/debug_ports.js';
import { FakePlatform } from './fake_platform.js';

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

  it('reads E9h back as E9h, 80h as the last code, and nothing from F4h', () => {
    const platform = new FakePlatform();
    new DebugPorts(platform.bus, platform, () => {});
    platform.out(0x80, 0x42);
    platform.bus.writePort(0xf5, 1, 1);
    expect([0xe9, 0x80, 0xf4].map((port) => platform.in(port))).to.deep.equal([0xe9, 0x42, 0xff]);
    expect(platform.log, 'F5h is no register').to.deep.equal([]);
  });
});
