// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { InputSource } from '../../../src/session/input_source.js';
import type { ReplayedInputs } from '../../../src/session/replayed_inputs.js';
import { SliceEnd } from '../../../src/session/session_ports.js';
import { ReplayThenLive } from '../../../src/site/machine/replay_then_live.js';

const typed = (byte: number) => ({ kind: 'typed', bytes: [byte] }) as const;

/** A source that gives what it is told to, in order. */
function sourceOf(gives: readonly ReturnType<InputSource['next']>[], idleMilliseconds: number) {
  const left = [...gives];
  let passed = 0;
  const source: InputSource & { readonly passed: number } = {
    idleMilliseconds,
    isReady: true,
    next: () => left.shift(),
    mayJump: (nanoseconds) => nanoseconds < idleMilliseconds,
    passIdleTime: () => void passed++,
    get passed() {
      return passed;
    },
  };
  return source;
}

describe('ReplayThenLive', () => {
  it('gives what was recorded, says once that the end has come, and then gives what comes in', () => {
    const replayed = sourceOf([typed(1), SliceEnd.Replayed, typed(9)], 5);
    const live = sourceOf([typed(2), undefined], 7);
    const both = new ReplayThenLive(replayed as unknown as ReplayedInputs, live);
    expect([both.idleMilliseconds, both.mayJump(6)]).to.deep.equal([5, false]);
    both.passIdleTime();
    expect([both.next(), both.next(), both.next(), both.next()]).to.deep.equal([
      typed(1),
      SliceEnd.Replayed,
      typed(2),
      undefined,
    ]);
    expect([both.idleMilliseconds, both.mayJump(6), both.isReady]).to.deep.equal([7, true, true]);
    both.passIdleTime();
    expect([replayed.passed, live.passed]).to.deep.equal([1, 1]);
  });

  it('asks the recording whether it ended with the machine, unless it was over before', () => {
    const replayed = { ...sourceOf([SliceEnd.Diverged], 0), endsHere: () => false, divergence: { what: 'it differs' } };
    const both = new ReplayThenLive(replayed as unknown as ReplayedInputs, sourceOf([], 0));
    expect([both.endsHere(), both.difference]).to.deep.equal([false, 'it differs']);
    both.next();
    expect(both.endsHere()).to.equal(undefined);
  });
});
