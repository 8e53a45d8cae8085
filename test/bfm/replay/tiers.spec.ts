// SPDX-License-Identifier: LGPL-2.1-only
// Hot code is compiled in some runs and not in others; recordings and snapshots of one kind belong to the other kinds too.
import { expect } from 'chai';
import { join } from 'node:path';
import type { TierRequest } from '../../../src/bfm/options/tier_option.js';
import { ReplayRun } from '../../../src/bfm/replay/replay_run.js';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { RunReport, RunRequest } from '../../../src/bfm/worker/run_request.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { randomNumbers } from '../../machine/random_numbers.js';
import { plainRun, recordedRun } from '../recording/own_run.js';

const isFull = process.env.BAREFLANK_FULL === '1';
const kernel = process.env.BAREFLANK_DEBIAN_KERNEL ?? '';
const folder = temporaryFolder();
const path = (name: string): string => join(folder.path, name);

type Tier = TierRequest | 'on';
const tierOf = (tier: Tier): { readonly tier?: TierRequest } => (tier === 'on' ? {} : { tier });

/** Each processor is in the same hot loop for most of the run. */
const hotRun = (processors: number): RunRequest => plainRun('bench_processors', { processors, memoryBytes: 64 << 20 });
/** Instructions of all processors together in which the guest is in its loops. */
const hotFrom = 1_000_000;
const hotFor = 50_000_000;

const GIGABYTE = 2 ** 30;
const replay = (recording: string, tier: Tier, points: readonly number[] = [], checkpoints = 0): Promise<RunReport> => {
  const until = points.map((count) => ({ kind: 'instruction' as const, count }));
  return new ReplayRun({ recording, until, checkpoints, ...tierOf(tier) }, new RunControl(), () => {}).run();
};
const run = (request: RunRequest): Promise<RunReport> => new MachineRun(request, new RunControl(), () => {}).run();

/** Looks that code was compiled where it was to be. */
function expectTier({ machine: { compiled, instructions } }: RunReport, tier: Tier): void {
  if (tier === 'off') expect(compiled, 'figures of compiled code').to.equal(undefined);
  else expect(compiled!.instructions / instructions, `instructions in regions, ${tier}`).to.be.greaterThan(0.3);
}

const pairs: readonly (readonly [recorded: Tier, replayed: Tier])[] = [
  ['on', 'off'],
  ['off', 'forced'],
  ['forced', 'on'],
];

describe('Recordings and snapshots with and without compiled code', function () {
  this.timeout(isFull ? 600_000 : 120_000);

  for (const processors of isFull ? [1, 2, 4] : [1, 2]) {
    const random = randomNumbers(100 + processors);
    const points = Array.from({ length: 3 }, () => hotFrom + random(hotFor)).sort((one, other) => one - other);

    for (const [recorded, replayed] of pairs)
      it(`a recording made with the tier ${recorded} replays with it ${replayed}, with ${processors} processors`, async () => {
        const file = path(`${recorded}${processors}`);
        const first = await recordedRun(file, { ...hotRun(processors), ...tierOf(recorded) });
        expectTier(first, recorded);
        const again = await replay(file, replayed);
        expect([again.outcome, again.machine.stateHash]).to.deep.equal(['replayed', first.machine.stateHash]);
        expectTier(again, replayed);
      });

    it(`has the same state at points in its loops, with ${processors} processors, whatever is compiled`, async () => {
      const file = path(`points${processors}`);
      await recordedRun(file, hotRun(processors));
      const [off, on, forced] = await Promise.all(
        (['off', 'on', 'forced'] as const).map(async (tier) => {
          const { points: reached } = await replay(file, tier, points);
          return reached!.map(({ instructions, virtualTime, stateHash }) => [instructions, virtualTime, stateHash]);
        }),
      );
      expect(off!.map(([instructions]) => instructions)).to.deep.equal(points);
      expect([on, forced]).to.deep.equal([off, off]);
    });

    it(`goes back to points in its loops, with ${processors} processors, with everything compiled`, async () => {
      const file = path(`back${processors}`);
      await recordedRun(file, hotRun(processors));
      const [first, second, third] = points as [number, number, number];
      const order = [third, first, second, first, third];
      const reached = async (tier: Tier, checkpoints: number): Promise<Map<number, string>> => {
        const report = await replay(file, tier, order, checkpoints);
        expectTier(report, tier);
        expect(report.points!.map(({ instructions }) => instructions)).to.deep.equal(order);
        const seen = report.points!.map(({ instructions, stateHash }) => `${instructions} ${stateHash}`);
        expect(new Set(seen).size, 'one state for a point').to.equal(3);
        return new Map(report.points!.map(({ instructions, stateHash }) => [instructions, stateHash]));
      };
      const expected = await reached('off', GIGABYTE);
      expect(await reached('forced', GIGABYTE)).to.deep.equal(expected);
      expect(await reached('on', GIGABYTE)).to.deep.equal(expected);
    });

    it(`goes on with another tier from snapshots of points in its loops, with ${processors} processors`, async () => {
      const { machine: whole } = await run({ ...hotRun(processors), tier: 'off' });
      const chains: readonly (readonly Tier[])[] = [
        ['forced', 'off', 'on', 'forced'],
        ['on', 'forced', 'off', 'off'],
      ];
      for (const tiers of chains) {
        let request = hotRun(processors);
        for (const [index, at] of points.entries()) {
          const file = path(`snapshot${index}`);
          const saved = await run({ ...request, ...tierOf(tiers[index]!), save: { path: file, at } });
          expect([saved.outcome, saved.machine.instructions]).to.deep.equal(['saved', at]);
          request = { ...hotRun(processors), kernel: file, isRestored: true };
        }
        const { machine } = await run({ ...request, ...tierOf(tiers[points.length]!) });
        expect([machine.instructions, machine.stateHash]).to.deep.equal([whole.instructions, whole.stateHash]);
      }
    });
  }

  it("replays the start of Debian's kernel with another tier", async function () {
    if (!isFull || kernel === '') this.skip();
    const boot = {
      kernel,
      append: 'console=ttyS0',
      memoryBytes: 512 << 20,
      until: 'Kernel panic',
      modules: [],
    };
    for (const [recorded, replayed] of pairs) {
      const file = path(`debian_${recorded}`);
      const first = await recordedRun(file, { ...boot, start: 'off', ...tierOf(recorded) });
      expect(first.outcome).to.equal('reached');
      const again = await replay(file, replayed);
      expect([again.outcome, again.machine.stateHash]).to.deep.equal(['replayed', first.machine.stateHash]);
    }
  });
});
