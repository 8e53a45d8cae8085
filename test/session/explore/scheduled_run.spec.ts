// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { RaceGuest } from '../../machine/race_guest.js';
import type { ExploredRun, Predicate } from '../../../src/session/explore/predicate.js';
import { PredicateError } from '../../../src/session/explore/predicate_error.js';
import { ScheduledRun, type ScheduledResult } from '../../../src/session/explore/scheduled_run.js';
import { endExplored, explored, exploredRace } from './explored_guest.js';

const never: Predicate = () => false;

describe('ScheduledRun', () => {
  afterEach(endExplored);

  it('gives the same run for the same schedule, and leaves the machine as its owner had it', async () => {
    const { target, machine } = await exploredRace(3, 1000);
    const { pc } = machine;
    const before = [pc.stateHash(), ...pc.processors.map(({ attention }) => attention)];
    const run = new ScheduledRun(target, never, 1e7);
    const seen = (schedule: ScheduledResult['taken'] | []): unknown => [
      run.run({ schedule }),
      pc.stateHash(),
      machine.output,
    ];
    const usual = seen([]);
    const { taken } = run.run({ schedule: [], further: 1 });
    expect(taken).to.have.length(1);
    const other = seen(taken);
    expect(other).to.not.deep.equal(usual);
    expect([seen([]), seen(taken), seen([])]).to.deep.equal([usual, other, usual]);
    run[Symbol.dispose]();
    target.reset();
    expect([pc.stateHash(), ...pc.processors.map(({ attention }) => attention)]).to.deep.equal(before);
  });

  it('is the run that the machine makes without it, if nobody deviates', async () => {
    const { target, machine } = await exploredRace(2, 20);
    machine.run(1e9);
    const hash = machine.pc.stateHash();
    expect(new ScheduledRun(target, never, 1e9).run({ schedule: [] })).to.include({ end: 'ended' });
    expect(machine.pc.stateHash()).to.equal(hash);
  });

  it('keeps what the guest guards by a lock, at whichever of its decisions another processor executes next', async () => {
    const { target, machine } = await exploredRace(2, 1000);
    const run = new ScheduledRun(target, never, 1e7);
    const { alternatives } = run.run({ schedule: [] });
    expect(alternatives).to.be.greaterThan(2);
    for (let further = 0; further < alternatives; further++) {
      const { end, taken } = run.run({ schedule: [], further });
      expect([end, taken.length]).to.deep.equal(['ended', 1]);
      const counter = new Uint32Array(machine.pc.ram.buffer, machine.pc.ram.byteOffset + RaceGuest.counter, 1);
      expect(counter[0]).to.equal(2 * 1000);
    }
  });

  it('counts the ways to deviate behind the last deviation, each of which leads to another schedule', async () => {
    const { target } = await explored('race_hook', 'example_racing_hook');
    const run = new ScheduledRun(target, never, 1e6);
    const { alternatives } = run.run({ schedule: [] });
    const taken = Array.from({ length: alternatives }, (_, further) => run.run({ schedule: [], further }).taken[0]!);
    expect(new Set(taken.map(({ decision, processor }) => `${decision} ${processor}`)).size).to.equal(alternatives);
    const first = taken[0]!;
    const again = run.run({ schedule: [first] });
    expect(again.taken).to.deep.equal([first]);
    const further = run.run({ schedule: [first], further: again.alternatives - 1 });
    expect(further.taken).to.have.length(2);
    expect(further.taken[0]).to.deep.equal(first);
    expect(further.taken[1]!.decision).to.be.greaterThan(first.decision);
  });

  it('says where a processor was passed over, and tells an observer', async () => {
    const { target } = await explored('race_hook', 'example_racing_hook');
    const run = new ScheduledRun(target, never, 1e6);
    const seen: unknown[] = [];
    const observer = { deviated: (each: unknown) => seen.push(each), ended: (...how: unknown[]) => seen.push(how) };
    const { taken } = run.run({ schedule: [], further: 2 }, observer);
    expect(taken[0]).to.include({ decision: 2, passedOver: 0, processor: 1, exit: 'ept_violation' });
    expect(taken[0]!.at).to.have.property('exit');
    expect(seen).to.deep.equal([taken[0], ['ended', false]]);
  });

  it('refuses a predicate that throws, or that answers with neither truth nor text: it would never hold', async () => {
    const { target } = await exploredRace(2, 20);
    const asked = (predicate: () => unknown) => () =>
      new ScheduledRun(target, predicate as Predicate, 1e6).run({ schedule: [] });
    for (const [predicate, message] of [
      [() => Promise.resolve(true), 'the predicate returned a Promise: it must return true or what was found'],
      [() => undefined, 'the predicate returned undefined'],
      [() => 0, 'the predicate returned 0'],
      [() => ({}), 'the predicate returned object'],
      [() => (null as unknown as { x: number }).x, 'the predicate threw TypeError: '],
      [({ memory }: ExploredRun) => memory.read8(2 ** 40) === 1, '1 bytes at 0x10000000000 are not all in RAM'],
    ] as const)
      expect(asked(predicate as () => unknown), message).to.throw(PredicateError, message);
    const { detail } = new ScheduledRun(target, () => 'e\x1b[31mvil', 1e6).run({ schedule: [] });
    expect(detail).to.equal('e�[31mvil');
  });

  it('ends where the predicate holds, at the bound, and where the machine dies', async () => {
    const { target, machine } = await exploredRace(2, 20);
    const ended = (predicate: Predicate, most: number) =>
      new ScheduledRun(target, predicate, most).run({ schedule: [] });
    const half = ended(({ memory }) => memory.read8(RaceGuest.done) === 1 && 'one is done', 1e7);
    expect(half).to.include({ end: 'found', detail: 'one is done' });
    expect(machine.pc.moment, 'it could run on').to.not.equal(undefined);
    expect(ended(() => true, 1e7)).to.include({ end: 'found', instructions: 0 });
    const bound = ended(never, 150);
    expect(bound.end).to.equal('bound');
    expect(bound.instructions).to.be.within(100, 1e4);
    const { target: dying } = await exploredRace(2, 20, 'ud2');
    expect(new ScheduledRun(dying, never, 1e7).run({ schedule: [] })).to.include({ end: 'dead' });
    const atDeath = new ScheduledRun(dying, ({ machine: { end } }) => end?.kind === 'dead', 1e7);
    expect(atDeath.run({ schedule: [] })).to.include({ end: 'found', detail: 'the predicate holds' });
  });
});
