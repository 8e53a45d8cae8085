// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { InterruptMessages } from '../../../../src/machine/devices/interrupts/interrupt_messages.js';
import type { InterruptMessage } from '../../../../src/machine/devices/interrupts/interrupt_messages.js';
import { IO_APIC_BASE, IoApic } from '../../../../src/machine/devices/interrupts/io_apic.js';
import { FakePlatform } from '../fake_platform.js';

describe('IoApic', () => {
  function make(): {
    ioApic: IoApic;
    taken: InterruptMessage[];
    messages: InterruptMessages;
    write(r: number, v: number): void;
    read(r: number): number;
  } {
    const platform = new FakePlatform();
    const messages = new InterruptMessages();
    const taken: InterruptMessage[] = [];
    messages.attach({
      matches: (destination) => destination === 0,
      processorPriority: () => 0,
      accept: (m) => void taken.push(m),
    });
    const ioApic = new IoApic(platform.bus, messages);
    const write = (register: number, value: number): void => {
      platform.bus.writeMemory(IO_APIC_BASE, 4, register);
      platform.bus.writeMemory(IO_APIC_BASE + 0x10, 4, value);
    };
    const read = (register: number): number => {
      platform.bus.writeMemory(IO_APIC_BASE, 4, register);
      return platform.bus.readMemory(IO_APIC_BASE + 0x10, 4);
    };
    return { ioApic, taken, messages, write, read };
  }

  it('has 24 inputs, all masked', () => {
    const { read } = make();
    expect(read(1) >> 16).to.equal(23);
    expect(read(0x10 + 2 * 23)).to.equal(0x10000);
  });

  it('sends an edge once, but not one that came while the entry was masked', () => {
    const { ioApic, taken, write } = make();
    ioApic.setInput(4, true);
    write(0x18, 0x34);
    expect(taken).to.have.length(0);
    ioApic.setInput(4, false);
    ioApic.setInput(4, true);
    expect(taken.map((message) => message.vector)).to.deep.equal([0x34]);
  });

  it('sends nothing by a delivery mode that the manual reserves', () => {
    const { ioApic, taken, write } = make();
    for (const mode of [3, 6]) {
      write(0x18, 0x34 | (mode << 8));
      ioApic.setInput(4, true);
      ioApic.setInput(4, false);
    }
    expect(taken).to.deep.equal([]);
  });

  it('sends a level again after EOI while it stays up', () => {
    const { ioApic, taken, messages, write, read } = make();
    write(0x18, 0x8034);
    ioApic.setInput(4, true);
    expect(read(0x18) & 0x4000).to.equal(0x4000);
    messages.broadcastEndOfInterrupt(0x34);
    expect(taken).to.have.length(2);
    ioApic.setInput(4, false);
    messages.broadcastEndOfInterrupt(0x34);
    expect(taken).to.have.length(2);
    expect(read(0x18) & 0x4000).to.equal(0);
  });
});
