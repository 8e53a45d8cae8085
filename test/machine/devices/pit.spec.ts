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

  it('interrupts at the end of the old period, and then once each new one', () => {
    const { platform, line } = make();
    platform.out(0x43, 0x34);
    platform.out(0x40, 0xe8);
    platform.out(0x40, 0x03);
    platform.advance(timeOfTick(500, PIT_HZ));
    platform.out(0x40, 100);
    platform.out(0x40, 0);
    line.edges = 0;
    platform.advance(timeOfTick(490, PIT_HZ));
    expect(line.edges).to.equal(0);
    platform.advance(timeOfTick(20, PIT_HZ));
    expect(line.edges).to.equal(1);
    platform.advance(timeOfTick(200, PIT_HZ));
    expect(line.edges).to.equal(3);
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

  describe('channel 2, whose gate is bit 0 of port 61h', () => {
    const ticks = (platform: FakePlatform, count: number): void => platform.advance(timeOfTick(count, PIT_HZ));
    const gate = (platform: FakePlatform, on: boolean): void => platform.out(0x61, on ? 1 : 0);
    const isHigh = (platform: FakePlatform): boolean => (platform.in(0x61) & 0x20) !== 0;
    const program = (platform: FakePlatform, mode: number, count: number): void => {
      platform.out(0x43, 0xb0 | (mode << 1));
      platform.out(0x42, count & 0xff);
      platform.out(0x42, count >> 8);
    };
    const counter = (platform: FakePlatform): number => {
      platform.out(0x43, 0x80);
      return platform.in(0x42) | (platform.in(0x42) << 8);
    };

    it('takes a new count in mode 2 at the end of the period', () => {
      const { platform } = make();
      gate(platform, true);
      program(platform, 2, 1000);
      ticks(platform, 400);
      platform.out(0x42, 100);
      platform.out(0x42, 0);
      expect(counter(platform)).to.equal(600);
      platform.out(0x43, 0xe8);
      expect(platform.in(0x42) & 0x40, 'null count').to.equal(0x40);
      ticks(platform, 595);
      expect(counter(platform)).to.be.within(1, 6);
      ticks(platform, 10);
      expect(counter(platform)).to.be.within(90, 98);
      platform.out(0x43, 0xe8);
      expect(platform.in(0x42) & 0x40, 'null count').to.equal(0);
    });
    it('takes a new count in mode 3 at the end of the half-period, with OUT at its next level', () => {
      const { platform } = make();
      gate(platform, true);
      program(platform, 3, 1000);
      ticks(platform, 300);
      platform.out(0x42, 100);
      platform.out(0x42, 0);
      ticks(platform, 190);
      expect(isHigh(platform)).to.equal(true);
      const levels: boolean[] = [];
      for (let half = 0; half < 4; half++) {
        ticks(platform, half === 0 ? 35 : 50);
        levels.push(isHigh(platform));
      }
      expect(levels).to.deep.equal([false, true, false, true]);
    });
    it('takes a new count at once when the gate rises', () => {
      const { platform } = make();
      gate(platform, true);
      program(platform, 2, 1000);
      ticks(platform, 400);
      platform.out(0x42, 100);
      platform.out(0x42, 0);
      gate(platform, false);
      gate(platform, true);
      expect(counter(platform)).to.be.within(98, 100);
    });
    it('does not restart in mode 0 when the gate falls and rises after the end', () => {
      const { platform } = make();
      gate(platform, true);
      program(platform, 0, 1000);
      ticks(platform, 1200);
      expect(isHigh(platform)).to.equal(true);
      gate(platform, false);
      gate(platform, true);
      expect(isHigh(platform)).to.equal(true);
    });
    it('stops in mode 0 while the gate is low, and then goes on', () => {
      const { platform } = make();
      gate(platform, true);
      program(platform, 0, 1000);
      ticks(platform, 600);
      gate(platform, false);
      const held = counter(platform);
      ticks(platform, 5000);
      expect([counter(platform), isHigh(platform)]).to.deep.equal([held, false]);
      gate(platform, true);
      expect(counter(platform)).to.equal(held);
      ticks(platform, 390);
      expect(isHigh(platform)).to.equal(false);
      ticks(platform, 20);
      expect(isHigh(platform)).to.equal(true);
    });
    it('does not begin in mode 0 before the gate rises', () => {
      const { platform } = make();
      program(platform, 0, 1000);
      ticks(platform, 5000);
      expect([counter(platform), isHigh(platform)]).to.deep.equal([1000, false]);
      gate(platform, true);
      ticks(platform, 1001);
      expect(isHigh(platform)).to.equal(true);
    });
    it('begins in mode 1 each time the gate rises, with the count written last', () => {
      const { platform } = make();
      gate(platform, true);
      program(platform, 1, 1000);
      ticks(platform, 5000);
      expect(isHigh(platform)).to.equal(true);
      for (const count of [1000, 500]) {
        program(platform, 1, count);
        gate(platform, false);
        gate(platform, true);
        expect(isHigh(platform)).to.equal(false);
        ticks(platform, count - 10);
        expect(isHigh(platform)).to.equal(false);
        ticks(platform, 20);
        expect(isHigh(platform)).to.equal(true);
      }
    });
    it('holds its output high in modes 2 and 3 while the gate is low, and restarts when it rises', () => {
      for (const mode of [2, 3]) {
        const { platform } = make();
        gate(platform, true);
        program(platform, mode, 1000);
        ticks(platform, 700);
        gate(platform, false);
        expect(isHigh(platform)).to.equal(true);
        ticks(platform, 5000);
        expect(isHigh(platform)).to.equal(true);
        gate(platform, true);
        expect(counter(platform)).to.equal(1000);
      }
    });
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
