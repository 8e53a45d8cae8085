// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { handlerGlobals, useHandlerGlobals } from '../../src/driver/handler_globals.js';
import { noteLeftOver, watchPromises } from '../../src/driver/watched_promise.js';
import { LeftOverTaskError } from '../../src/vmm/errors.js';
import type { HandlerTrace } from '../../src/vmm/exit/handler_trace.js';

const traceOf = (handler = 0): HandlerTrace => ({
  words: Int32Array.of(handler),
  outcome: new Int32Array(1),
  names: ['first', 'second'],
});

describe('noteLeftOver', () => {
  it('names the handler that runs, once', () => {
    const trace = traceOf(2);
    noteLeftOver(trace);
    trace.words[0] = 1;
    noteLeftOver(trace);
    const { handler, error } = trace.leftOver!;
    expect(handler).to.equal(2);
    expect(error).to.be.instanceOf(LeftOverTaskError);
    expect(error.message).to.match(/^handler second made a Promise, or called an async function/);
    expect(error.stack).to.include('watched_promise.spec');
  });

  it('notes nothing when no code of the VMM runs', () => {
    const trace = traceOf();
    noteLeftOver(trace);
    expect(trace.leftOver).to.equal(undefined);
  });
});

describe('watchPromises', () => {
  afterEach(() => useHandlerGlobals());

  /** The Promise that bundles have, once it is watched. */
  function watched(trace: HandlerTrace): PromiseConstructor {
    const globals = handlerGlobals({ start: 0, now: () => 0 });
    useHandlerGlobals(globals);
    watchPromises(globals, trace);
    return (globals as unknown as { Promise: PromiseConstructor }).Promise;
  }

  for (const [what, make] of [
    ['a constructor', (own: PromiseConstructor) => void new own(() => {})],
    ['Promise.resolve', (own: PromiseConstructor) => void own.resolve()],
    ['Promise.all', (own: PromiseConstructor) => void own.all([])],
  ] as const)
    it(`notes a Promise that ${what} makes`, () => {
      const trace = traceOf(1);
      make(watched(trace));
      expect(trace.leftOver!.error.message).to.match(/^handler first made a Promise/);
    });

  it('notes the Promise of a then, and leaves the results alone', async () => {
    const trace = traceOf();
    const own = watched(trace);
    const settled = own.resolve(1);
    trace.words[0] = 2;
    const next = settled.then((value) => value + 1);
    trace.words[0] = 0;
    expect(trace.leftOver!.handler).to.equal(2);
    expect(await next).to.equal(2);
  });

  it('takes the Promises of the host for its own', () => {
    const own = watched(traceOf());
    const host: unknown = Promise.resolve();
    expect([host instanceof own, ({} as unknown) instanceof own]).to.deep.equal([true, false]);
  });

  it('notes for the VMM whose globals are used', () => {
    const [old, trace] = [traceOf(1), traceOf(1)];
    const own = watched(old);
    watched(trace);
    void own.resolve();
    expect([old.leftOver, trace.leftOver?.handler]).to.deep.equal([undefined, 1]);
  });
});
