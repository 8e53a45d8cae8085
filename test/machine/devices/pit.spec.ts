// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { timeOfTick } from '../../../src/machine/devices/frequency.js';
import { PIT_HZ, Pit } from '../../../src/machine/devices/pit.js';
import { FakePlatform } from './fake_platform.js';

describe('Pit', () => {
  function make(): { platform: FakePlatform; line: ReturnType<FakePlatform['line']> } {
    const platform = new FakePlatform();
    const line = platform.line();
    new Pit(platform.bus, platform.events, line);
    return { platform, line };
  }

  it('interrupts once a period in rate-generator mode', () => {
    const { platform, line } = make();
    platform.out(0x43, 0x34);
    platform.out(0x40, 0xa9);
    platform.out(0x40, 0x04);
    line.edges = 0;
    platform.advance(1e9);
    expect(line.edges).to.equal(Math.floor(PIT_HZ / 0x4a9));
  });

  it('interrupts once in mode 0', () => {
    const { platform, line } = make();
    platform.out(0x43, 0x30);
    platform.out(0x40, 100);
    platform.out(0x40, 0);
    platform.advance(timeOfTick(100, PIT_HZ) - 1);
    expect(line.edges).to.equal(0);
    platform.advance(1e6);
    expect(line.edges).to.equal(1);
  });

  it("lets Linux' calibration see channel 2 end through port 61h", () => {
    const { platform } = make();
    platform.out(0x61, (platform.in(0x61) & ~2) | 1);
    platform.out(0x43, 0xb0);
    platform.out(0x42, 0x38);
    platform.out(0x42, 0x01);
    expect(platform.in(0x61) & 0x20).to.equal(0);
    platform.advance(timeOfTick(0x138, PIT_HZ));
    expect(platform.in(0x61) & 0x20).to.equal(0x20);
  });

  it('latches both bytes of a moving count', () => {
    const { platform } = make();
    platform.out(0x43, 0x34);
    platform.out(0x40, 0);
    platform.out(0x40, 0);
    platform.advance(timeOfTick(0x100, PIT_HZ));
    platform.out(0x43, 0x00);
    const low = platform.in(0x40);
    platform.advance(1e6);
    expect((platform.in(0x40) << 8) | low).to.equal(0xff00);
  });

  it('reads back the status of a channel', () => {
    const { platform } = make();
    platform.out(0x43, 0x36);
    platform.out(0x40, 0);
    platform.out(0x40, 0x10);
    platform.out(0x43, 0xe2);
    expect(platform.in(0x40) & 0x3f).to.equal(0x36);
  });
});
