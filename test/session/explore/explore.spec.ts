// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { explore } from '../../../src/session/explore/explore.js';
import { BareflankError } from '../../../src/intrinsics/errors.js';
import type { Predicate } from '../../../src/session/explore/predicate.js';
import { PredicateError } from '../../../src/session/explore/predicate_error.js';
import { ScheduledRun } from '../../../src/session/explore/scheduled_run.js';
import {
  addingGuest,
  atPowerOn,
  endExplored,
  exploredCounter,
  exploredNote,
  exploredRace,
  NOTE,
} from './explored_guest.js';

/** The counter of a guest whose two processors add 1 to it, once each, with a VM exit between load and store. */
const COUNTER = 0x640;

describe('explore', () => {
  afterEach(endExplored);

  it('finds the lost update of a counter that no lock guards, by one preemption, whatever the seed', async () => {
    const { target } = await exploredCounter();
    for (const seed of [0, 1, 2]) {
      const { state, failure } = explore(target, {
        predicate: ({ memory, machine }) =>
          machine.end !== undefined && memory.read8(COUNTER) === 1 && 'an update is lost',
        preemptions: 2,
        instructions: 1e5,
        seed,
      });
      expect(failure).to.deep.include({ end: 'found', detail: 'an update is lost' });
      expect(failure!.taken).to.have.length(1);
      expect(failure!.taken[0]!.exit).to.equal('cpuid');
      expect(state.counts.found).to.equal(1);
    }
  });

  for (const processors of [3, 4])
    it(`finds the lost update of ${processors} processors by one preemption`, async () => {
      const { target } = await exploredCounter(processors);
      const predicate: Predicate = ({ memory, machine }) =>
        machine.end !== undefined && memory.read8(COUNTER) < processors && `${memory.read8(COUNTER)} are left`;
      const { failure } = explore(target, { predicate, preemptions: 2, instructions: 1e5 });
      expect(failure!.end).to.equal('found');
      expect(failure!.detail).to.match(/^[1-3] are left$/);
      expect(failure!.taken).to.have.length(1);
      expect(failure!.taken[0]!.processor).to.be.below(processors);
    });

  describe('with watched writes', () => {
    const watched = [{ address: BigInt(NOTE), bytes: 1 }];
    const isLost: Predicate = ({ memory, machine }) =>
      machine.end !== undefined && memory.read8(COUNTER) === 1 && 'an update is lost';

    it('finds a lost update between two writes, where no VM exit is and no turn ends', async () => {
      const { target } = await exploredNote();
      const options = { predicate: isLost, preemptions: 1, instructions: 1e5 };
      expect(explore(target, options).failure).to.equal(undefined);
      const { failure } = explore(target, { ...options, watched });
      expect(failure).to.include({ end: 'found', detail: 'an update is lost' });
      expect(failure!.taken).to.have.length(1);
      expect(failure!.taken[0]).to.include({ write: BigInt(NOTE), exit: undefined });
      expect(failure!.taken[0]!.at).to.include({ isWithin: true });
      expect(target.pc.stops.isMet, 'the machine is its owner’s again').to.equal(false);
    });

    it('gives the same run for the same schedule, after however many others', async () => {
      const { target } = await exploredNote(3);
      const run = new ScheduledRun(target, () => false, 1e5, watched);
      const usual = run.run({ schedule: [] });
      const hash = target.pc.stateHash();
      const all = Array.from({ length: usual.alternatives }, (_, further) => {
        const { taken } = run.run({ schedule: [], further });
        return { taken, hash: target.pc.stateHash() };
      });
      expect(all.filter(({ taken }) => taken[0]!.write !== undefined).length).to.be.greaterThan(2);
      for (const { taken, hash: own } of all) {
        expect(run.run({ schedule: taken }).taken).to.deep.equal(taken);
        expect(target.pc.stateHash()).to.equal(own);
      }
      run[Symbol.dispose]();
      expect(new ScheduledRun(target, () => false, 1e5).run({ schedule: [] }).end).to.equal('ended');
      expect(target.pc.stateHash(), 'the machine’s own run, with and without watching').to.equal(hash);
    });

    it('has one decision behind a repeated string instruction, and none amid it', async () => {
      const copy = ['mov esi, 0x600', `mov edi, ${NOTE}`, 'mov ecx, 3', 'rep movsb'];
      const { target } = await atPowerOn(addingGuest(2, copy), 2, [], {});
      const run = new ScheduledRun(target, () => false, 1e5, [{ address: BigInt(NOTE), bytes: 3 }]);
      const { alternatives } = run.run({ schedule: [] });
      const taken = Array.from({ length: alternatives }, (_, further) => run.run({ schedule: [], further }).taken[0]!);
      const writes = taken.filter(({ write }) => write !== undefined);
      expect(writes.length).to.be.greaterThan(0);
      for (const each of writes) expect(run.run({ schedule: [each] }).taken).to.deep.equal([each]);
    });

    it('refuses memory that does not exist', async () => {
      const { target } = await exploredNote();
      const wrong = [{ address: 1n << 40n, bytes: 8 }];
      expect(() => explore(target, { predicate: isLost, preemptions: 1, instructions: 1, watched: wrong })).to.throw(
        BareflankError,
        /only RAM/,
      );
    });
  });

  it('refuses a failure that does not show again', async () => {
    const { target } = await exploredRace(2, 20);
    let asked = 0;
    const once = () => ++asked === 3;
    expect(() => explore(target, { predicate: once, preemptions: 1, instructions: 1e5 })).to.throw(
      PredicateError,
      'does not show again under its own schedule',
    );
  });

  it('has no failure if the predicate holds under no schedule', async () => {
    const { target } = await exploredCounter();
    const { state, failure } = explore(target, { predicate: () => false, preemptions: 1, instructions: 1e5 });
    expect(failure).to.equal(undefined);
    expect(state.counts.ended).to.equal(1 + state.runs[1]!);
  });
});
