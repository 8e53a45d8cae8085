// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Uart16550 } from '../../../src/machine/devices/uart_16550.js';
import { FakePlatform } from './fake_platform.js';

describe('Uart16550', () => {
  const BASE = 0x3f8;
  function make(): { platform: FakePlatform; uart: Uart16550; line: ReturnType<FakePlatform['line']>; sent: number[] } {
    const platform = new FakePlatform();
    const line = platform.line();
    const sent: number[] = [];
    const uart = new Uart16550('com1', platform.bus, BASE, line, (byte) => sent.push(byte));
    return { platform, uart, line, sent };
  }

  it('sends what is written and is ready at once', () => {
    const { platform, sent } = make();
    platform.out(BASE, 0x41);
    expect(sent).to.deep.equal([0x41]);
    expect(platform.in(BASE + 5) & 0x60).to.equal(0x60);
  });

  it('keeps the divisor apart from data and interrupt enable', () => {
    const { platform, sent } = make();
    platform.out(BASE + 3, 0x83);
    platform.out(BASE, 1);
    platform.out(BASE + 1, 2);
    expect([platform.in(BASE), platform.in(BASE + 1)]).to.deep.equal([1, 2]);
    platform.out(BASE + 3, 3);
    expect(platform.in(BASE + 1)).to.equal(0);
    expect(sent).to.deep.equal([]);
  });

  it("passes Linux' probe: IER, scratch, loopback of modem lines, FIFO bits", () => {
    const { platform } = make();
    platform.out(BASE + 1, 0x0f);
    expect(platform.in(BASE + 1)).to.equal(0x0f);
    platform.out(BASE + 1, 0);
    platform.out(BASE + 4, 0x1a);
    expect(platform.in(BASE + 6) & 0xf0).to.equal(0x90);
    platform.out(BASE + 4, 0);
    platform.out(BASE + 2, 1);
    expect(platform.in(BASE + 2) >> 6).to.equal(3);
    platform.out(BASE + 7, 0xa5);
    expect(platform.in(BASE + 7)).to.equal(0xa5);
  });

  it('interrupts when the transmitter interrupt is enabled, once', () => {
    const { platform, line } = make();
    platform.out(BASE + 4, 8);
    platform.out(BASE + 1, 2);
    expect(line.level).to.equal(true);
    expect(platform.in(BASE + 2) & 0x0f).to.equal(2);
    expect(line.level).to.equal(false);
    platform.out(BASE, 0x42);
    expect(line.edges).to.equal(2);
  });

  it('interrupts only with OUT2', () => {
    const { platform, line } = make();
    platform.out(BASE + 1, 2);
    expect(line.level).to.equal(false);
  });

  it('receives without losing bytes that come faster than they are read', () => {
    const { platform, uart, line } = make();
    platform.out(BASE + 4, 8);
    platform.out(BASE + 2, 0xc1);
    platform.out(BASE + 1, 1);
    const bytes = Array.from({ length: 40 }, (_, i) => i);
    uart.receive(bytes);
    expect(line.level).to.equal(true);
    const read: number[] = [];
    while (platform.in(BASE + 5) & 1) read.push(platform.in(BASE));
    expect(read).to.deep.equal(bytes);
    expect(line.level).to.equal(false);
  });

  const listening: Record<string, (platform: FakePlatform) => void> = {
    RTS: (platform) => platform.out(BASE + 4, 2),
    "the receiver's interrupt": (platform) => {
      platform.out(BASE + 1, 1);
      platform.out(BASE + 4, 8);
      platform.out(BASE + 2, 1);
      platform.out(BASE + 2, 0x81);
    },
    'polling the line status': (platform) => {
      for (let read = 0; read < 15; read++) expect(platform.in(BASE + 5) & 1).to.equal(0);
    },
  };
  for (const [how, listen] of Object.entries(listening)) {
    it(`keeps bytes that come early from a driver's set-up, and gives them to a program that listens by ${how}`, () => {
      const { platform, uart } = make();
      uart.receive([1, 2]);
      // Output, the probe of the interrupt enables and of the loopback, and the clearing of the receiver, as Linux does them before it opens the port.
      for (let sent = 0; sent < 100; sent++) {
        expect(platform.in(BASE + 5) & 1).to.equal(0);
        platform.out(BASE, 0x41);
      }
      platform.out(BASE + 1, 0x0f);
      platform.out(BASE + 1, 0);
      platform.out(BASE + 4, 0x1a);
      platform.out(BASE + 4, 1);
      platform.out(BASE + 2, 7);
      platform.in(BASE);
      listen(platform);
      const read: number[] = [];
      while (platform.in(BASE + 5) & 1) read.push(platform.in(BASE));
      expect(read).to.deep.equal([1, 2]);
    });
  }

  it('gives a polling program without FIFO each byte at once, after the first: it had to poll 16 times for each', () => {
    const { platform, uart, sent } = make();
    const bytes = Array.from({ length: 40 }, (_, i) => i);
    for (let read = 0; read < 16; read++) expect(platform.in(BASE + 5) & 1).to.equal(0);
    uart.receive(bytes);
    for (const byte of bytes) {
      expect(platform.in(BASE + 5) & 1, `byte ${byte}`).to.equal(1);
      expect(platform.in(BASE)).to.equal(byte);
      platform.out(BASE, byte);
    }
    expect(sent).to.deep.equal(bytes);
  });

  it('keeps bytes for the next program when a polling one was followed by a set-up of the port', () => {
    const { platform, uart } = make();
    for (let read = 0; read < 16; read++) platform.in(BASE + 5);
    platform.out(BASE + 3, 0x80);
    platform.out(BASE, 1);
    uart.receive([1]);
    expect(platform.in(BASE + 5) & 1).to.equal(0);
  });

  it('discards what was received when a program that asserts RTS clears the receiver', () => {
    const { platform, uart } = make();
    platform.out(BASE + 2, 1);
    platform.out(BASE + 4, 2);
    uart.receive([1, 2]);
    platform.out(BASE + 2, 3);
    expect(platform.in(BASE + 5) & 1).to.equal(0);
  });

  it('loops back and reports an overrun', () => {
    const { platform, sent } = make();
    platform.out(BASE + 4, 0x10);
    platform.out(BASE, 1);
    platform.out(BASE, 2);
    expect(sent).to.deep.equal([]);
    expect(platform.in(BASE + 5) & 3).to.equal(3);
    expect(platform.in(BASE)).to.equal(2);
  });

  it('discards the bytes of the loopback when a program without RTS clears the receiver', () => {
    const { uart, platform } = make();
    for (let i = 0; i < 100; i++) {
      platform.out(BASE + 2, 1);
      platform.out(BASE + 4, 0x10);
      for (const byte of [0x58, 0x59]) platform.out(BASE, byte);
      platform.out(BASE + 4, 0);
      platform.out(BASE + 2, 7);
    }
    expect(uart.waitingBytes).to.equal(0);
    platform.out(BASE + 4, 2);
    expect(platform.in(BASE + 5) & 1).to.equal(0);
  });

  it('keeps its whole state through save and restore', () => {
    const { uart, platform } = make();
    platform.out(BASE + 2, 1);
    platform.out(BASE + 4, 2);
    uart.receive([1, 2, 3]);
    platform.out(BASE + 7, 9);
    const other = make();
    other.uart.restore(JSON.parse(JSON.stringify(uart.save())));
    expect(other.platform.in(BASE + 7)).to.equal(9);
    expect([other.platform.in(BASE), other.platform.in(BASE), other.platform.in(BASE)]).to.deep.equal([1, 2, 3]);
  });
});
