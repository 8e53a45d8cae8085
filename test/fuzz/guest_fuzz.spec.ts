// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { fuzzGuest, fuzzHostile, fuzzModes, fuzzVmx } from './fuzz_machine.js';

const isFull = process.env.BAREFLANK_FULL === '1';
const seeds = Number(process.env.BAREFLANK_FUZZ_SEEDS ?? (isFull ? 200 : 3));
const show = process.env.BAREFLANK_FUZZ_SHOW === '1';
/** Milliseconds for one mode. */
const limit = isFull || process.env.BAREFLANK_FUZZ_SEEDS !== undefined ? 3_600_000 : 60_000;
const firstSeed = Number(process.env.BAREFLANK_FUZZ_FIRST ?? 1);

// Random bytes as code: whatever they do, the run ends as runs may end, and the machine's own memory is whole.
describe('Random guests', () => {
  for (const mode of fuzzModes) {
    for (const withVmm of [false, true]) {
      it(`${mode.name}${withVmm ? ', under a VMM with cpuidcount' : ''}`, async function () {
        this.timeout(limit);
        const tally = new Map<string, number>();
        for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
          const outcome = await fuzzGuest(mode, seed, withVmm);
          expect(outcome.problems, `seed ${seed}, ${outcome.detail}`).to.deep.equal([]);
          const what = `${outcome.kind} ${outcome.detail.split('\n')[0]!.replaceAll(/0x[0-9a-f]+|\d+/g, 'N')}`;
          tally.set(what, (tally.get(what) ?? 0) + 1);
          // equal seeds give equal runs, now and then
          if (seed % 8 !== 1) continue;
          const again = await fuzzGuest(mode, seed, withVmm);
          expect([again.instructions, again.stateHash], `seed ${seed}`).to.deep.equal([
            outcome.instructions,
            outcome.stateHash,
          ]);
        }
        if (show) process.stdout.write(`${JSON.stringify(Object.fromEntries(tally), null, 1)}\n`);
        expect(tally.has('refused'), 'the VMM starts in every mode').to.equal(false);
      });
    }
  }
});

// Whatever a guest tries, its VMM lives, keeps its memory to itself and obeys the driver.
describe('Hostile guests', () => {
  it('neither reach the memory of their VMM nor end it', async function () {
    this.timeout(limit);
    const tally = new Map<string, number>();
    const count = Number(process.env.BAREFLANK_HOSTILE_SEEDS ?? (isFull ? 3000 : 10));
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const outcome = await fuzzHostile(seed);
      expect(outcome.problems, `seed ${seed}, ${outcome.detail}`).to.deep.equal([]);
      tally.set(outcome.kind, (tally.get(outcome.kind) ?? 0) + 1);
    }
    if (show) process.stdout.write(`${JSON.stringify(Object.fromEntries(tally), null, 1)}\n`);
    expect([...tally.values()].reduce((sum, each) => sum + each, 0)).to.equal(count);
  });
});

// Random VMX instructions in root operation, random fields of the VMCS, random code in the guests that begin in spite of it.
describe('Random hypervisors', () => {
  it('end as runs may end, and have VM exits', async function () {
    this.timeout(limit);
    const tally = new Map<string, number>();
    let exits = 0;
    for (let seed = firstSeed; seed < firstSeed + seeds * 4; seed++) {
      const outcome = await fuzzVmx(seed);
      expect(outcome.problems, `seed ${seed}, ${outcome.detail}`).to.deep.equal([]);
      exits += outcome.exits;
      const what = `${outcome.kind} ${outcome.detail.split('\n')[0]!.replaceAll(/0x[0-9a-f]+|\d+/g, 'N')}`;
      tally.set(what, (tally.get(what) ?? 0) + 1);
    }
    if (show) process.stdout.write(`${JSON.stringify([exits, Object.fromEntries(tally)], null, 1)}\n`);
    expect(exits).to.be.greaterThan(seeds * 20);
  });
});
