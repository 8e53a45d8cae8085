// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { forcedTier } from '../support/compiled_tier.js';
import { fuzzGuest, fuzzHostile, fuzzModes, fuzzTwins, fuzzVmx } from './fuzz_machine.js';

const isFull = process.env.BAREFLANK_FULL === '1';
const seeds = Number(process.env.BAREFLANK_FUZZ_SEEDS ?? (isFull ? 200 : 3));
const show = process.env.BAREFLANK_FUZZ_SHOW === '1';
/** Milliseconds for one mode. */
const limit = isFull || process.env.BAREFLANK_FUZZ_SEEDS !== undefined ? 3_600_000 : 60_000;
const firstSeed = Number(process.env.BAREFLANK_FUZZ_FIRST ?? 1);

// Random bytes as code. The run must end in one of the allowed ways, and the machine's own memory must be intact.
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

// Compiled code against the interpreter.
describe('Random guests whose code is all compiled', () => {
  for (const mode of fuzzModes.filter(({ bits }) => bits === 64))
    for (const withVmm of [false, true])
      it(`do in ${mode.name}${withVmm ? ', under a VMM,' : ''} what they do without`, async function () {
        this.timeout(limit);
        let compiled = 0;
        for (let seed = firstSeed; seed < firstSeed + seeds * 2; seed++) {
          const expected = await fuzzGuest(mode, seed, withVmm);
          const found = await fuzzGuest(mode, seed, withVmm, forcedTier);
          expect([found.instructions, found.kind, found.stateHash], `seed ${seed}`).to.deep.equal([
            expected.instructions,
            expected.kind,
            expected.stateHash,
          ]);
          compiled += found.compiled;
        }
        expect(compiled, 'instructions in regions').to.be.greaterThan(seeds * 100);
      });
});

// Whatever a guest tries, its VMM must survive, protect its memory and obey the driver.
describe('Hostile guests', () => {
  it('neither reach the memory of their VMM nor end it', async function () {
    this.timeout(limit);
    const tally = new Map<string, number>();
    const count = Number(process.env.BAREFLANK_HOSTILE_SEEDS ?? (isFull ? 3000 : 5));
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const outcome = await fuzzHostile(seed);
      expect(outcome.problems, `seed ${seed}, ${outcome.detail}`).to.deep.equal([]);
      tally.set(outcome.kind, (tally.get(outcome.kind) ?? 0) + 1);
    }
    if (show) process.stdout.write(`${JSON.stringify(Object.fromEntries(tally), null, 1)}\n`);
    expect([...tally.values()].reduce((sum, each) => sum + each, 0)).to.equal(count);
  });
});

// The same guest on the bare machine and under a VMM.
describe('Hostile guests under a VMM', () => {
  it('come to the end that they come to on the bare machine, and leave the same in memory', async function () {
    this.timeout(limit);
    const count = Number(process.env.BAREFLANK_TWIN_SEEDS ?? (isFull ? 1000 : 4));
    let instructions = 0;
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const outcome = await fuzzTwins(seed);
      expect(outcome.problems, `seed ${seed}, ${outcome.detail}`).to.deep.equal([]);
      instructions += outcome.instructions;
    }
    expect(instructions / count).to.be.greaterThan(1000);
  });
});

// Faults that are put into the VMM: an oracle that misses them proves nothing.
describe('The oracle of hostile guests', () => {
  const broken = (name: string): string[] => [join(packageRoot, 'test', 'fuzz', 'broken', `${name}.ts`)];
  /** The first problem that one of some seeds has. */
  async function firstProblem(run: (seed: number) => Promise<{ readonly problems: readonly string[] }>) {
    for (let seed = 1; seed <= 20; seed++) {
      const { problems } = await run(seed);
      if (problems.length > 0) return problems.join('; ');
    }
    return undefined;
  }

  it("notices a guest that reaches the VMM's memory", async () => {
    const found = await firstProblem((seed) => fuzzHostile(seed, broken('open_carve_out')));
    expect(found).to.match(/the guest reached the carve-out|the guest changed the driver's pages/);
  });
  it('notices a VMM that the guest brings down', async () => {
    expect(await firstProblem((seed) => fuzzHostile(seed, broken('weak_vmm')))).to.match(
      /the guest brought the VMM down/,
    );
  });
  it('notices an instruction that does under the VMM what it does not on the bare machine', async () => {
    expect(await firstProblem((seed) => fuzzTwins(seed, broken('wrong_xsetbv')))).to.match(/the bare machine/);
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
