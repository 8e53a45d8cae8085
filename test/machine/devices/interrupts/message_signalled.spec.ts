// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { InterruptMessages } from '../../../../src/machine/devices/interrupts/interrupt_messages.js';
import { sendMessageSignalled } from '../../../../src/machine/devices/interrupts/message_signalled.js';

describe('sendMessageSignalled', () => {
  function send(address: number, data: number): string[] {
    const log: string[] = [];
    const messages = new InterruptMessages();
    messages.attach({
      matches: (destination, logical) => (log.push(`${logical ? 'logical' : 'physical'} ${destination}`), true),
      processorPriority: () => 0,
      accept: ({ vector, mode, level }) => void log.push(`vector ${vector}, mode ${mode}, level ${level}`),
    });
    sendMessageSignalled(messages, address, data);
    return log;
  }

  it('takes the destination from the address, and vector and delivery mode from the data', () => {
    expect(send(0xfee05000, 0x41)).to.deep.equal(['physical 5', 'vector 65, mode 0, level false']);
    expect(send(0xfee0300c, 0x444)).to.deep.equal(['logical 3', 'vector 68, mode 4, level false']);
  });

  it('sends nothing by a delivery mode that the manual reserves', () => {
    expect([3, 6].flatMap((mode) => send(0xfee05000, 0x41 | (mode << 8)))).to.deep.equal([]);
  });

  it('sends nothing for another address', () => {
    expect([send(0xfed00000, 0x41), send(0x1000, 0x41)]).to.deep.equal([[], []]);
  });
});
