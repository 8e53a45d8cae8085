// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { GeneralRegisters } from '../../src/intrinsics/instructions/general_registers.js';
import type { RecordedItem } from '../../src/session/recorded_item.js';
import { SliceEnd } from '../../src/session/session_ports.js';
import { vcpuModule, type PartModule } from '../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../src/vmm/contributions/exit_contribution.js';
import { kindsOfRuns, recordedRun, replayedRun, runOf, type RandomRun } from './random_run.js';

/** Its place among the general registers. */
const r9 = 9;
const isFull = process.env.BAREFLANK_FULL === '1';
/** The seeds of the runs. BAREFLANK_RUN=SEED repeats one. */
const named = process.env.BAREFLANK_RUN;
const seeds = named === undefined ? Array.from({ length: isFull ? 1000 : 32 }, (_, i) => i) : [Number(named)];

/** Records a run, and replays it under another host. */
async function isReplayed(run: RandomRun): Promise<void> {
  const recorded = await recordedRun(run);
  const { inputs, ...replayed } = await replayedRun(run, recorded.items, run.seed + 1_000_000);
  const name = `run ${run.seed}; to repeat it, set BAREFLANK_RUN=${run.seed}`;
  expect(inputs.divergence, name).to.equal(undefined);
  expect(replayed.end, name).to.be.oneOf([SliceEnd.Replayed, SliceEnd.Ended]);
  expect(replayed.output, name).to.equal(recorded.output);
  expect(replayed.hash, name).to.equal(recorded.hash);
}

/** A run without a VMM, recorded once. */
const plain: RandomRun = { seed: 7, processors: 2, hasVmm: false, sleeps: false };
let items: readonly RecordedItem[];

/** Replays a run in which something is wrong. */
const replayedWith = async (run: RandomRun) => {
  const { items } = await recordedRun(run);
  const { end, inputs } = await replayedRun(run, items, run.seed + 1);
  return { end, divergence: inputs.divergence };
};

/** Replays the plain run with items changed. */
const changed = async (change: (item: RecordedItem) => RecordedItem | undefined) => {
  const { end, inputs } = await replayedRun(
    plain,
    items.flatMap((item) => change(item) ?? []),
    1,
  );
  return { end, divergence: inputs.divergence };
};

describe('ReplayedInputs', function () {
  if (isFull) this.timeout(600_000);

  for (let kind = 0; kind < kindsOfRuns; kind++) {
    const ofKind = seeds.filter((seed) => seed % kindsOfRuns === kind);
    if (ofKind.length === 0) continue;
    const { processors, hasVmm, sleeps } = runOf(kind);
    const guest = `${processors} ${sleeps ? 'sleeping' : 'busy'} processors and ${hasVmm ? 'a VMM that comes and goes' : 'no VMM'}`;
    it(`give ${ofKind.length} recorded runs again, with ${guest}, wherever the host cuts, looks and collects garbage`, async () => {
      for (const seed of ofKind) await isReplayed(runOf(seed));
    });
  }

  for (const [processors, sleeps] of [
    [2, true],
    [4, false],
  ] as const)
    it(`give runs again in which the owner chose who executes next, with ${processors} ${sleeps ? 'sleeping' : 'busy'} processors`, async () => {
      const runs = Array.from({ length: isFull ? 50 : 1 }, (_, seed): RandomRun => ({
        seed,
        processors,
        hasVmm: true,
        sleeps,
        chooses: true,
      }));
      let chosen = 0;
      for (const run of runs) {
        const { items } = await recordedRun(run);
        chosen += items.filter((item) => item.kind === 'event' && item.event.kind === 'turn').length;
        await isReplayed(run);
      }
      expect(chosen, 'choices').to.be.greaterThan(2 * runs.length);
    });

  describe('.divergence', () => {
    before(async () => ({ items } = await recordedRun(plain)));

    const states = (): number[] => items.flatMap((item) => (item.kind === 'state' ? [item.at.instructions] : []));

    it('is none if nothing was changed', async () => {
      expect(await changed((item) => item)).to.deep.equal({ end: SliceEnd.Replayed, divergence: undefined });
    });

    it('names the interval between two states in which another byte was typed', async () => {
      const typed = items.find((item) => item.kind === 'event' && item.at.instructions > states()[0]!);
      const { end, divergence } = await changed((item) =>
        item === typed && item.kind === 'event' && item.event.kind === 'typed'
          ? { ...item, event: { kind: 'typed', bytes: [0x21, ...item.event.bytes.slice(1)] } }
          : item,
      );
      expect(end).to.equal(SliceEnd.Diverged);
      const to = states().find((instructions) => instructions > typed!.at!.instructions);
      expect(divergence).to.include({
        from: states()
          .filter((each) => each <= typed!.at!.instructions)
          .at(-1),
        to,
      });
      expect(divergence!.what).to.equal('processors or devices have another state');
    });

    it('is that of a processor that a recording names and that cannot be the next one', async () => {
      const { divergence } = await changed((item) =>
        item.kind === 'event' ? { ...item, event: { kind: 'turn', processor: 9 } } : item,
      );
      expect(divergence!.what).to.match(/^processor 9 sleeps or is not there/);
    });

    it('tells a moment with other counts from the recorded one', async () => {
      const more = await changed((item) =>
        item.kind === 'event' ? { ...item, at: { ...item.at, instructions: item.at.instructions + 1 } } : item,
      );
      expect(more.divergence!.what).to.match(/^the recording has [\d ]+ instructions here$/);
      const later = await changed((item) =>
        item.kind === 'event' ? { ...item, at: { ...item.at, virtualTime: item.at.virtualTime - 1 } } : item,
      );
      expect(later.divergence!.what).to.match(/^the virtual time is [\d ]+ ns, in the recording [\d ]+ ns$/);
    });

    it('tells a run that does not come to a recorded moment', async () => {
      const { divergence } = await changed((item) =>
        item.kind === 'event' ? { ...item, at: { ...item.at, exit: 0 } } : item,
      );
      expect(divergence!.what).to.equal('the turns of the processors are not those of the recording');
    });

    /** A handler of CPUID that changes a register of its guest. */
    const handlerOf = (change: (value: bigint) => bigint): PartModule => {
      @injectable()
      class Careless implements ExitContribution {
        readonly name = 'careless';
        readonly reasons = [ExitReason.Cpuid];
        @inject(GeneralRegisters) private readonly registers!: GeneralRegisters;
        handleExit(): boolean {
          this.registers.values[r9] = change(this.registers.values[r9]!);
          return false;
        }
      }
      return vcpuModule(({ bind }) => void bind(ExitContribution).to(Careless));
    };

    it('shows a handler that gives its guest something that no run has twice', async () => {
      // The counter outlives the machine, as the time of the host does.
      let calls = 0n;
      const module = handlerOf(() => ++calls);
      const { end, divergence } = await replayedWith({ ...runOf(5), module });
      expect(calls > 0n).to.equal(true);
      expect(end).to.equal(SliceEnd.Diverged);
      expect(divergence!.what).to.equal('processors or devices have another state');
    });

    it('shows a handler whose guest sees when garbage is collected', async () => {
      let garbage: WeakRef<object> | undefined;
      const module = handlerOf((collections) => {
        if (garbage?.deref() !== undefined) return collections;
        garbage = new WeakRef({});
        return collections + 1n;
      });
      const ends = [];
      for (const seed of [5, 6, 7]) ends.push((await replayedWith({ ...runOf(seed), module })).end);
      expect(ends).to.include(SliceEnd.Diverged);
    });

    for (const seed of [0, 3, 4, 9])
      it(`shows a processor whose clock moves where the host cuts its turn, in run ${seed}`, async () => {
        const { end } = await replayedWith({ ...runOf(seed), mistakeAtCut: (processor) => processor.skipTime(1) });
        expect(end).to.equal(SliceEnd.Diverged);
      });
  });
});
