// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { KeyboardController } from '../../../src/machine/devices/keyboard_controller.js';
import { FakePlatform } from './fake_platform.js';

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

  it('reads and writes the command byte, and gates the clocks of both ports', () => {
    const platform = new FakePlatform();
    new KeyboardController(platform.bus, platform.line(), platform);
    const commandByte = (): number => {
      platform.out(0x64, 0x20);
      return platform.in(0x60);
    };
    platform.out(0x64, 0x60);
    platform.out(0x60, 0x01);
    expect(commandByte()).to.equal(0x01);
    for (const command of [0xad, 0xa7]) platform.out(0x64, command);
    expect(commandByte()).to.equal(0x31);
    for (const command of [0xae, 0xa8]) platform.out(0x64, command);
    expect(commandByte()).to.equal(0x01);
  });

  it('gates A20 by the output port and by commands, and resets the machine by its bit 0', () => {
    const platform = new FakePlatform();
    new KeyboardController(platform.bus, platform.line(), platform);
    for (const command of [0xdf, 0xdd]) platform.out(0x64, command);
    platform.out(0x64, 0xd0);
    expect(platform.in(0x60)).to.equal(0xcd);
    platform.out(0x64, 0xd1);
    platform.out(0x60, 0xce);
    expect(platform.log).to.deep.equal([
      'a20: true',
      'a20: false',
      'a20: true',
      'reset: keyboard controller output port',
    ]);
  });

  it('acknowledges a keyboard command and its argument, which is no command', () => {
    const platform = new FakePlatform();
    new KeyboardController(platform.bus, platform.line(), platform);
    for (const byte of [0xed, 0xee, 0xee, 0xff, 0xf4]) platform.out(0x60, byte);
    expect([1, 2, 3, 4, 5, 6].map(() => platform.in(0x60))).to.deep.equal([0xfa, 0xfa, 0xee, 0xfa, 0xaa, 0xfa]);
  });

  it('keeps 16 bytes for a program that does not read, and loses the rest', () => {
    const platform = new FakePlatform();
    const keyboard = new KeyboardController(platform.bus, platform.line(), platform);
    for (let i = 0; i < 1000; i++) {
      platform.out(0x60, 0xff);
      for (const command of [0x20, 0xa9, 0xaa, 0xab, 0xd0]) platform.out(0x64, command);
      platform.out(0x64, 0xd2);
      platform.out(0x60, 0x5a);
    }
    expect((keyboard.save() as { output: number[] }).output).to.have.length(16);
    let read = 0;
    for (; platform.in(0x64) & 1; read++) platform.in(0x60);
    expect(read).to.equal(16);
  });

  it('answers nothing to a byte for the mouse', () => {
    const platform = new FakePlatform();
    new KeyboardController(platform.bus, platform.line(), platform);
    platform.out(0x64, 0xd4);
    expect(platform.in(0x64) & 8).to.equal(8);
    platform.out(0x60, 0xff);
    expect(platform.in(0x64) & 9).to.equal(0);
  });
});
