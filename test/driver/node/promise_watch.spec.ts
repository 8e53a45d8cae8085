// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PromiseWatch } from '../../../src/driver/node/promise_watch.js';
import { LeftOverTaskError } from '../../../src/vmm/errors.js';
import type { HandlerTrace } from '../../../src/vmm/exit/handler_trace.js';

const traceOf = (): HandlerTrace => ({
  words: new Int32Array(1),
  outcome: new Int32Array(1),
  names: ['first', 'second'],
});

describe('PromiseWatch', () => {
  for (const [what, makes] of [
    ['an async function', () => void (async () => Promise.resolve())()],
    ['Promise.resolve', () => void Promise.resolve()],
    ['then', () => void settled.then(() => {})],
    ['a constructor', () => void new Promise(() => {})],
  ] as const)
    it(`names the handler that makes a Promise by ${what}, with the place in its stack`, () => {
      using watch = new PromiseWatch();
      const trace = traceOf();
      watch.follow(trace);
      trace.words[0] = 2;
      makes();
      trace.words[0] = 0;
      const { handler, error } = trace.leftOver!;
      expect(handler).to.equal(2);
      expect(error).to.be.instanceOf(LeftOverTaskError);
      expect(error.message).to.match(/^handler second made a Promise, or called an async function/);
      expect(error.stack).to.include('promise_watch.spec');
    });

  const settled = Promise.resolve();

  it('names what the driver does outside VM exits, and the first Promise only', () => {
    using watch = new PromiseWatch();
    const trace = traceOf();
    watch.follow(trace);
    trace.doing = 'the start of the VMM';
    void Promise.resolve();
    trace.words[0] = 1;
    void Promise.resolve();
    expect(trace.leftOver!.error.message).to.match(/^the start of the VMM made a Promise/);
  });

  it('sees nothing of other code, of another VMM, and after its end', () => {
    const trace = traceOf();
    {
      using watch = new PromiseWatch();
      watch.follow(trace);
      void Promise.resolve();
      watch.follow(traceOf());
      trace.words[0] = 1;
      void Promise.resolve();
      watch.follow(trace);
    }
    void Promise.resolve();
    expect(trace.leftOver).to.equal(undefined);
  });
});
