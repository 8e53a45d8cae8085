// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Pic } from '../../../../src/machine/devices/interrupts/pic.js';
import { FakePlatform } from '../fake_platform.js';

describe('Pic', () => {
  function initialized(): { platform: FakePlatform; pic: Pic; output: () => boolean } {
    const platform = new FakePlatform();
    let level = false;
    const pic = new Pic(platform.bus, (value) => (level = value));
    for (const [port, value] of [
      [0x20, 0x11],
      [0x21, 0x30],
      [0x21, 4],
      [0x21, 1],
      [0xa0, 0x11],
      [0xa1, 0x38],
      [0xa1, 2],
      [0xa1, 1],
      [0x21, 0],
      [0xa1, 0],
    ] as const)
      platform.out(port, value);
    return { platform, pic, output: () => level };
  }

  it('gives the vector of the highest request and holds lower ones back until EOI', () => {
    const { platform, pic, output } = initialized();
    pic.setInput(4, true);
    pic.setInput(1, true);
    expect(pic.acknowledge()).to.equal(0x31);
    expect(output()).to.equal(false);
    platform.out(0x20, 0x20);
    expect(output()).to.equal(true);
    expect(pic.acknowledge()).to.equal(0x34);
  });

  it('cascades the second chip through input 2', () => {
    const { platform, pic, output } = initialized();
    pic.setInput(8, true);
    expect(output()).to.equal(true);
    expect(pic.acknowledge()).to.equal(0x38);
    platform.out(0x20, 0x0b);
    expect(platform.in(0x20)).to.equal(4);
    platform.out(0xa0, 0x20);
    platform.out(0x20, 0x20);
    expect(platform.in(0x20)).to.equal(0);
  });

  it('masks', () => {
    const { platform, pic, output } = initialized();
    platform.out(0x21, 0x10);
    pic.setInput(4, true);
    expect(output()).to.equal(false);
    platform.out(0x21, 0);
    expect(output()).to.equal(true);
  });

  it('gives the spurious vector when the request was masked before the acknowledge cycle', () => {
    const { platform, pic } = initialized();
    pic.setInput(4, true);
    platform.out(0x21, 0x10);
    expect(pic.acknowledge()).to.equal(0x37);
  });

  it('keeps a pulse that ended before its acknowledge cycle', () => {
    const { pic } = initialized();
    pic.setInput(11, true);
    pic.setInput(11, false);
    expect(pic.acknowledge()).to.equal(0x3b);
  });

  it('is after power-on as firmware leaves it', () => {
    const platform = new FakePlatform();
    const pic = new Pic(platform.bus, () => {});
    pic.setInput(11, true);
    expect(pic.acknowledge()).to.equal(0x73);
  });

  it('requests again after EOI while a level-triggered input stays up', () => {
    const { platform, pic, output } = initialized();
    platform.out(0x4d0, 0x20);
    pic.setInput(5, true);
    expect(pic.acknowledge()).to.equal(0x35);
    platform.out(0x20, 0x65);
    expect(output()).to.equal(true);
  });

  it('answers a poll, as Linux probes for it', () => {
    const { platform, pic } = initialized();
    pic.setInput(3, true);
    platform.out(0x20, 0x0c);
    expect(platform.in(0x20)).to.equal(0x83);
  });

  it('reads back its mask, as Linux probes for it', () => {
    const { platform } = initialized();
    platform.out(0xa1, 0xff);
    platform.out(0x21, 0xfb);
    expect(platform.in(0x21)).to.equal(0xfb);
  });
});
