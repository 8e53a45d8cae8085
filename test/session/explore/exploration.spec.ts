// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Exploration, type ExplorationTask, type TaskResult } from '../../../src/session/explore/exploration.js';
import { nothingExplored, type ExplorationState } from '../../../src/session/explore/exploration_state.js';
import type { Schedule } from '../../../src/session/explore/schedule.js';
import { randomNumbers } from '../../machine/random_numbers.js';

/** Decisions of each run of a machine that is not there. */
const DECISIONS = 6;
const OTHERS = [1, 2];

const textOf = (schedule: Schedule): string =>
  schedule.map(({ decision, processor }) => `${decision}:${processor}`).join(' ');

/** What a run of that machine would show. */
function resultOf({ schedule, further }: ExplorationTask, fails: (schedule: Schedule) => boolean): TaskResult {
  const behind = (schedule.at(-1)?.decision ?? -1) + 1;
  const ways = Array.from({ length: DECISIONS - behind }, (_, i) => behind + i).flatMap((decision) =>
    OTHERS.map((processor) => ({ decision, processor })),
  );
  const whole = further === undefined ? schedule : [...schedule, ways[further]!];
  const alternatives = (DECISIONS - 1 - (whole.at(-1)?.decision ?? -1)) * OTHERS.length;
  const end = fails(whole) ? 'found' : 'ended';
  return { schedule: whole, end, detail: end, decisions: DECISIONS, alternatives };
}

/** Explores to the end. @param most tasks that are taken before their results are given back, last first */
function explored(state: ExplorationState, fails: (schedule: Schedule) => boolean = () => false, most = 1) {
  const exploration = new Exploration(state);
  const tried: string[] = [];
  for (;;) {
    const tasks = exploration.take(most);
    if (tasks.length === 0) return { exploration, tried };
    for (const task of tasks.reverse()) {
      const result = resultOf(task, fails);
      tried.push(textOf(result.schedule));
      exploration.done(task, result);
    }
  }
}

describe('Exploration', () => {
  it('tries each schedule up to the bound once, those with fewer deviations first', () => {
    const { exploration, tried } = explored(nothingExplored(1, 3));
    const lengths = tried.map((text) => (text === '' ? 0 : text.split(' ').length));
    expect(new Set(tried).size).to.equal(tried.length);
    // Six decisions, of which k are chosen, with two ways each.
    expect(exploration.save().runs).to.deep.equal([1, 6 * 2, 15 * 4, 20 * 8]);
    expect(lengths).to.deep.equal([...lengths].sort((one, other) => one - other));
    expect([exploration.isOver, exploration.failure]).to.deep.equal([true, null]);
    expect(exploration.save().counts).to.deep.equal({ found: 0, dead: 0, ended: tried.length, bound: 0 });
  });

  it('tries them in a random order inside a round, which the seed decides', () => {
    const [one, again, other] = [1, 1, 2].map((seed) => explored(nothingExplored(seed, 2)).tried);
    expect(again).to.deep.equal(one);
    expect(other).to.not.deep.equal(one);
    expect([...other!].sort()).to.deep.equal([...one!].sort());
  });

  const fails = (schedule: Schedule): boolean =>
    schedule.some(({ decision }) => decision === 1) && schedule.some(({ decision }) => decision >= 4);

  it('ends with the first failure of the first round that has one, however many workers give results in whichever order', () => {
    const alone = explored(nothingExplored(5, 3), fails).exploration;
    expect(alone.failure!.schedule).to.have.length(2);
    for (const most of [3, 7, 100]) {
      const { exploration } = explored(nothingExplored(5, 3), fails, most);
      expect(exploration.isOver).to.equal(true);
      expect(exploration.failure).to.deep.equal(alone.failure);
    }
  });

  it('goes on from plain data, with tasks that were under way when it was saved', () => {
    const random = randomNumbers(3);
    let state = nothingExplored(9, 3);
    const tried: string[] = [];
    for (let exploration = new Exploration(state); !exploration.isOver; exploration = new Exploration(state)) {
      for (const task of exploration.take(1 + random(20))) {
        if (random(4) === 0) continue;
        const result = resultOf(task, () => false);
        tried.push(textOf(result.schedule));
        exploration.done(task, result);
      }
      state = JSON.parse(JSON.stringify(exploration.save())) as ExplorationState;
    }
    expect([...tried].sort()).to.deep.equal([...explored(nothingExplored(9, 3)).tried].sort());
    expect(new Exploration(state).take(1)).to.deep.equal([]);
  });

  it('counts no run twice', () => {
    const exploration = new Exploration(nothingExplored(1, 1));
    const [task] = exploration.take(5);
    for (let time = 0; time < 2; time++)
      exploration.done(
        task!,
        resultOf(task!, () => false),
      );
    expect(exploration.save().runs).to.deep.equal([1]);
  });
});
