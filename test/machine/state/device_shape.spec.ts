// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { isTimers, shapeMismatch } from '../../../src/machine/state/device_shape.js';

const message = { time: 5, target: 1, message: { vector: 9, mode: 0, level: false, asserted: true } };
const own = {
  uart: { ier: 1, received: [], on: true },
  pit: {
    channels: [
      { count: 1, heldAt: null },
      { count: 2, heldAt: 3 },
    ],
  },
  hpet: { counter: '12' },
  rtc: { cmos: [1, 2, 3] },
  messages: { waiting: [] },
};
type Own = { [Device in keyof typeof own]: Record<string, unknown> };
const mismatch = (change: (state: Own) => void): string | undefined => {
  const state = structuredClone(own) as unknown as Own;
  change(state);
  return shapeMismatch(own, JSON.parse(JSON.stringify(state)), 'devices');
};

describe('shapeMismatch', () => {
  it('takes other values of the same kinds, lists of other lengths, and messages that wait', () => {
    expect(mismatch(() => {})).to.equal(undefined);
    const takes = mismatch((state) => {
      state.uart.received = [1, 2];
      state.pit.channels = [
        { count: 5, heldAt: 6 },
        { count: 7, heldAt: null },
      ];
      state.hpet.counter = '18446744073709551615';
      state.messages.waiting = [message, message];
    });
    expect(takes).to.equal(undefined);
  });

  it('names the first part that is of another kind', () => {
    const wrong: readonly (readonly [(state: Own) => void, string])[] = [
      [(state) => (state.uart.ier = '1'), 'devices.uart.ier'],
      [(state) => (state.uart.on = 1), 'devices.uart.on'],
      [(state) => (state.uart.received = [1, 'a']), 'devices.uart.received.1'],
      [(state) => (state.uart.received = {}), 'devices.uart.received'],
      [(state) => (state.uart.more = 1), 'devices.uart'],
      [(state) => delete (state as Partial<Own>).rtc, 'devices'],
      [(state) => (state.pit.channels = [{ count: 1, heldAt: 1 }]), 'devices.pit.channels'],
      [(state) => (state.pit.channels = [{ count: 1, heldAt: 1 }, 5]), 'devices.pit.channels.1'],
      [(state) => (state.hpet.counter = '0x5'), 'devices.hpet.counter'],
      [(state) => (state.hpet.counter = 'text'), 'devices.hpet.counter'],
      [(state) => (state.rtc.cmos = [1, [], 3]), 'devices.rtc.cmos.1'],
      [(state) => (state.messages.waiting = [{ ...message, message: 5 }]), 'devices.messages.waiting.0.message'],
      [(state) => (state.messages.waiting = [{}]), 'devices.messages.waiting.0'],
    ];
    for (const [change, path] of wrong) expect(mismatch(change), path).to.equal(path);
  });
});

describe('isTimers', () => {
  it('is true for numbers by name', () => {
    expect([{}, { pit: 5 }].map(isTimers)).to.deep.equal([true, true]);
    expect([null, [], undefined, { pit: null }, { pit: 'a' }].map(isTimers)).to.not.include(true);
  });
});
