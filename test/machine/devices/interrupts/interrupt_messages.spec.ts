// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  DeliveryMode,
  InterruptMessages,
  Shorthand,
} from '../../../../src/machine/devices/interrupts/interrupt_messages.js';
import { FakePlatform } from '../fake_platform.js';

describe('InterruptMessages', () => {
  /** A bus with APICs that note what arrives, and when. @param sender which processor executes instructions. */
  function make(count: number) {
    const platform = new FakePlatform();
    const it = { sender: undefined as number | undefined };
    const log: string[] = [];
    const messages = new InterruptMessages({ events: platform.events, sender: () => it.sender });
    const receivers = Array.from({ length: count }, (_, id) => ({
      matches: (destination: number) => destination === 0xff || destination === id,
      processorPriority: () => 16 - id,
      accept: ({ vector }: { vector: number }) => void log.push(`${vector} at ${id}, ${platform.time}`),
    }));
    for (const receiver of receivers) messages.attach(receiver);
    const send = (vector: number, destination: number, mode = DeliveryMode.Fixed): boolean =>
      messages.send({ vector, mode, level: false, asserted: true }, destination, false);
    return { it, log, messages, platform, receivers, send };
  }

  it('takes what a device sends to its destination at once', () => {
    const { log, send } = make(3);
    expect(send(0x41, 0xff)).to.equal(true);
    expect(log).to.deep.equal(['65 at 0, 0', '65 at 1, 0', '65 at 2, 0']);
    expect(send(0x41, 7)).to.equal(false);
  });

  it('lets what a processor sends to others arrive when they have reached its time, and what it sends to itself at once', () => {
    const { it, log, platform, send } = make(3);
    it.sender = 1;
    platform.time = 500;
    expect(send(0x41, 0xff)).to.equal(true);
    expect(log).to.deep.equal(['65 at 1, 500']);
    expect(platform.events.next(), 'ends the turn of the sender').to.equal(500);
    it.sender = undefined;
    platform.advance(0);
    expect(log.slice(1)).to.deep.equal(['65 at 0, 500', '65 at 2, 500']);
    expect(platform.events.next()).to.equal(Infinity);
  });

  it('keeps the order of virtual time, whichever processor ran first', () => {
    const { it, log, platform, send } = make(3);
    it.sender = 0;
    platform.time = 900;
    send(0x51, 2);
    it.sender = 1;
    platform.time = 300;
    send(0x52, 2);
    send(0x53, 2);
    it.sender = undefined;
    platform.advance(600);
    expect(log).to.deep.equal(['82 at 2, 300', '83 at 2, 300', '81 at 2, 900']);
  });

  it('gives a lowest-priority message to the processor of least priority', () => {
    const { log, send } = make(3);
    send(0x41, 0xff, DeliveryMode.LowestPriority);
    expect(log).to.deep.equal(['65 at 2, 0']);
  });

  it('obeys shorthands', () => {
    const { log, messages, receivers } = make(3);
    const message = { vector: 0x41, mode: DeliveryMode.Fixed, level: false, asserted: true };
    const taken = (shorthand: Shorthand): string[] => {
      messages.sendShorthand(message, shorthand, receivers[1]!);
      return log.splice(0).map((line) => line.slice(6, 7));
    };
    expect(taken(Shorthand.Self)).to.deep.equal(['1']);
    expect(taken(Shorthand.All)).to.deep.equal(['0', '1', '2']);
    expect(taken(Shorthand.AllButSelf)).to.deep.equal(['0', '2']);
  });

  it('comes back from its saved state with what is on its way', () => {
    const [first, second] = [make(2), make(2)];
    first.it.sender = 0;
    first.platform.time = 50;
    first.send(0x41, 1);
    second.messages.restore(JSON.parse(JSON.stringify(first.messages.save())) as object);
    second.platform.events.restore(first.platform.events.save());
    second.platform.advance(100);
    expect(second.log).to.deep.equal(['65 at 1, 50']);
  });
});
