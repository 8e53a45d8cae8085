// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  ensureHandlerGlobals,
  HANDLER_GLOBALS,
  handlerGlobals,
  useHandlerGlobals,
} from '../../src/driver/handler_globals.js';

import { LeftOverTaskError } from '../../src/vmm/errors.js';

const start = Date.parse('2020-01-01T00:00:00Z');

function globals() {
  const world = { nanoseconds: 0 };
  return { world, ...handlerGlobals({ start, now: () => world.nanoseconds }) };
}

describe('The globals of handlers', () => {
  afterEach(() => useHandlerGlobals());

  it('have the time of the machine', () => {
    const { world, Date: VirtualDate, performance } = globals();
    world.nanoseconds = 1_234_567_890;
    expect(VirtualDate.now()).to.equal(start + 1234);
    expect(new VirtualDate().toISOString()).to.equal('2020-01-01T00:00:01.234Z');
    expect(VirtualDate()).to.equal(new Date(start + 1234).toString());
    expect(performance.now()).to.equal(1234.56789);
    expect(performance.timeOrigin).to.equal(start);
  });

  it('have all else of Date', () => {
    const { Date: VirtualDate } = globals();
    expect(new VirtualDate(5).getTime()).to.equal(5);
    expect(new VirtualDate(2020, 1, 3)).to.deep.equal(new Date(2020, 1, 3));
    expect(VirtualDate.UTC(2020, 0)).to.equal(start);
    expect(new VirtualDate()).to.be.instanceOf(VirtualDate).and.to.be.instanceOf(Date);
    class Later extends VirtualDate {}
    expect(new Later()).to.be.instanceOf(Later);
    expect(new Later().getTime()).to.equal(start);
  });

  it('have random numbers that are the same in each run, spread over their range', () => {
    const [one, other] = [globals(), globals()];
    const draw = (from: typeof one): number[] => Array.from({ length: 1000 }, () => from.Math.random());
    const drawn = draw(one);
    expect(draw(other)).to.deep.equal(drawn);
    expect(new Set(drawn).size).to.equal(1000);
    expect(Math.min(...drawn)).to.be.within(0, 0.01);
    expect(Math.max(...drawn)).to.be.within(0.99, 1 - Number.EPSILON / 2);
    const id = one.crypto.randomUUID();
    expect(other.crypto.randomUUID()).to.equal(id);
    expect(id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const words = one.crypto.getRandomValues(new Uint32Array(4));
    expect(words).to.deep.equal(other.crypto.getRandomValues(new Uint32Array(4)));
    expect(new Set(words).size).to.equal(4);
    expect(handlerGlobals({ start, now: () => 0 }, 1).Math.random()).to.not.equal(drawn[0]);
  });

  it('have no timers', () => {
    const { setTimeout, setInterval, setImmediate, queueMicrotask } = globals();
    for (const timer of [setTimeout, setInterval, setImmediate, queueMicrotask])
      expect(timer).to.throw(LeftOverTaskError, /^(set\w+|queueMicrotask)\(\) would call back at another moment/);
  });

  it('go on with the numbers of others by their seed', () => {
    const one = handlerGlobals({ start, now: () => 0 });
    for (let draws = 0; draws < 10; draws++) one.Math.random();
    const other = handlerGlobals({ start, now: () => 0 }, one.seed);
    const { seed } = one;
    const next = one.crypto.randomUUID();
    expect(other.crypto.randomUUID()).to.equal(next);
    one.seed = seed;
    expect(one.crypto.randomUUID()).to.equal(next);
  });

  it('have all else of Math', () => {
    const own = globals().Math;
    expect([own.floor(1.5), own.PI, own.max(1, 2)]).to.deep.equal([1, Math.PI, 2]);
    expect(own.random).to.not.equal(Math.random);
  });

  it('are at their place until others are used; the host has its own', () => {
    const own = globals();
    const used = (): unknown => (globalThis as Record<string, unknown>)[HANDLER_GLOBALS];
    useHandlerGlobals(own);
    ensureHandlerGlobals();
    expect(used()).to.equal(own);
    useHandlerGlobals();
    expect(used()).to.equal(globalThis);
  });
});
