// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Pc } from '../../src/machine/pc.js';
import { LiveInputs } from '../../src/session/live_inputs.js';

/** A source over a world that the test moves. */
function inputs(pace: 'real' | 'fast') {
  const world = { now: 0, typed: [] as number[], isOpen: false, waiting: 0, passed: 0 };
  const pc = {
    chipset: {
      com1: {
        get waitingBytes() {
          return world.waiting;
        },
      },
    },
    passIdleTime: (nanoseconds: number) => void (world.passed += nanoseconds),
  } as unknown as Pc;
  const source = new LiveInputs(
    pc,
    {
      console: { push: () => {}, flush: () => {} },
      vmm: { push: () => {}, flush: () => {} },
      hasInput: () => world.typed.length > 0,
      isInputOpen: () => world.isOpen,
      takeInput: () => world.typed.splice(0),
      now: () => world.now,
      wantsAttention: () => false,
      quantumEnded: () => {},
    },
    pace,
  );
  return { world, source };
}

describe('LiveInputs', () => {
  describe('.next', () => {
    it('is what was typed, unless enough waits at the port already', () => {
      const { world, source } = inputs('fast');
      expect(source.next()).to.equal(undefined);
      world.typed = [65, 66];
      world.waiting = 4096;
      expect([source.isReady, source.next()]).to.deep.equal([false, undefined]);
      world.waiting = 4095;
      expect(source.isReady).to.equal(true);
      expect(source.next()).to.deep.equal({ kind: 'typed', bytes: [65, 66] });
      expect(source.isReady).to.equal(false);
    });
  });

  describe('.mayJump', () => {
    it('refuses a jump at a real pace until the time has passed on the wall', () => {
      const { world, source } = inputs('real');
      expect(source.mayJump(5e6)).to.equal(false);
      expect(source.idleMilliseconds).to.equal(5);
      world.now = 4;
      expect([source.mayJump(5e6), source.idleMilliseconds]).to.deep.equal([false, 1]);
      world.now = 5;
      expect(source.mayJump(5e6)).to.equal(true);
      source.next();
      expect(source.idleMilliseconds).to.equal(0);
    });

    it('refuses at a fast pace only what input alone can end, while it may come', () => {
      const { world, source } = inputs('fast');
      expect([source.mayJump(1e12), source.mayJump(Infinity)]).to.deep.equal([true, true]);
      world.isOpen = true;
      expect([source.mayJump(1e12), source.mayJump(Infinity)]).to.deep.equal([true, false]);
    });
  });

  describe('.passIdleTime', () => {
    it('is the time that has passed on the wall since the machine sleeps, whole nanoseconds, and at most all of it', () => {
      const { world, source } = inputs('real');
      source.passIdleTime();
      expect(world.passed, 'the machine was busy').to.equal(0);
      source.mayJump(5e6);
      world.now = 1.0000015;
      source.passIdleTime();
      expect(world.passed).to.equal(1_000_001);
      source.passIdleTime();
      expect(world.passed, 'once').to.equal(1_000_001);
      source.mayJump(3_999_999);
      world.now = 100;
      source.passIdleTime();
      expect(world.passed).to.be.within(4_999_999, 5_000_001);
    });

    it('is none at a fast pace', () => {
      const { world, source } = inputs('fast');
      world.isOpen = true;
      source.mayJump(Infinity);
      world.now = 7;
      source.passIdleTime();
      expect(world.passed).to.equal(0);
    });
  });
});
