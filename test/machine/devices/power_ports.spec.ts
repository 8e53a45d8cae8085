// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PowerPorts } from '../../../src/machine/devices/power_ports.js';
import { FakePlatform } from './fake_platform.js';

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

  it('reads back what port 92h and CF9h have, and nothing from 8900h', () => {
    const platform = new FakePlatform();
    new PowerPorts(platform.bus, platform);
    platform.out(0x92, 0xfe);
    platform.out(0xcf9, 0xfb);
    expect([platform.in(0x92), platform.in(0xcf9), platform.in(0x8900)]).to.deep.equal([2, 0xa, 0xff]);
  });
});
