// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Rtc } from '../../../src/machine/devices/rtc.js';
import { FakePlatform } from './fake_platform.js';

describe('Rtc', () => {
  function make(): {
    platform: FakePlatform;
    line: ReturnType<FakePlatform['line']>;
    get(i: number): number;
    set(i: number, v: number): void;
  } {
    const platform = new FakePlatform();
    const line = platform.line();
    new Rtc(platform.bus, platform.events, line, 512 << 20);
    const get = (index: number): number => {
      platform.out(0x70, index);
      return platform.in(0x71);
    };
    const set = (index: number, value: number): void => {
      platform.out(0x70, index);
      platform.out(0x71, value);
    };
    return { platform, line, get, set };
  }

  it('starts at 2020-01-01 and counts seconds of virtual time in BCD', () => {
    const { platform, get } = make();
    expect([get(0x32), get(9), get(8), get(7), get(4), get(2), get(0)]).to.deep.equal([0x20, 0x20, 1, 1, 0, 0, 0]);
    platform.advance(59e9);
    expect(get(0)).to.equal(0x59);
    platform.advance(1e9);
    expect([get(2), get(0)]).to.deep.equal([1, 0]);
  });

  it('shows an update in progress just before each second', () => {
    const { platform, get } = make();
    platform.time = 999_900_000;
    expect(get(10) & 0x80).to.equal(0x80);
    platform.time = 1_000_000_000;
    expect(get(10) & 0x80).to.equal(0);
  });

  it('can be set, and stops while it is being set', () => {
    const { platform, get, set } = make();
    set(11, 0x82);
    set(9, 0x21);
    set(8, 0x12);
    set(0, 0x30);
    platform.advance(5e9);
    expect(get(0)).to.equal(0x30);
    set(11, 2);
    platform.advance(2e9);
    expect([get(9), get(8), get(0)]).to.deep.equal([0x21, 0x12, 0x32]);
  });

  it('stays a date whatever a program writes', () => {
    const { get, set } = make();
    set(0x0b, 0x86);
    for (const index of [0x32, 9, 8, 7, 4, 2, 0]) for (let i = 0; i < 5000; i++) set(index, 0xff);
    set(0x0b, 6);
    const clock = [0, 2, 4, 7, 8, 9].map((index) => get(index));
    expect(clock.every((byte) => Number.isInteger(byte))).to.equal(true);
    expect(clock[4], 'month').to.be.within(1, 12);
    expect(clock[3], 'day').to.be.within(1, 31);
  });

  it('interrupts periodically at the chosen rate until register C is read', () => {
    const { platform, line, get, set } = make();
    set(10, 0x26);
    set(11, 0x42);
    platform.advance(1e9 / 1024 + 1);
    expect(line.edges).to.equal(1);
    expect(get(12) & 0xf0).to.equal(0xc0);
    expect(line.level).to.equal(false);
  });

  it('interrupts at an alarm', () => {
    const { platform, line, get, set } = make();
    set(1, 0x03);
    set(3, 0xff);
    set(5, 0xff);
    set(11, 0x22);
    platform.advance(2.5e9);
    expect(line.edges).to.equal(0);
    platform.advance(1e9);
    expect(line.edges).to.equal(1);
    expect(get(12) & 0xa0).to.equal(0xa0);
  });

  it('reports the size of memory', () => {
    const { get } = make();
    expect(((get(0x35) << 8) | get(0x34)) * 65536 + (16 << 20)).to.equal(512 << 20);
  });
});
