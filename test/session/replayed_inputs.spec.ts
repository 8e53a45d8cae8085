// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { GeneralRegisters } from '../../src/intrinsics/instructions/general_registers.js';
import type { RecordedItem } from '../../src/session/recorded_item.js';
import { SliceEnd } from '../../src/session/session_ports.js';
import { vcpuModule } from '../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../src/vmm/contributions/exit_contribution.js';
import { recordedRun, replayedRun, type RandomRun } from './random_run.js';

/** Its place among the general registers. */
const r9 = 9;
const isFull = process.env.BAREFLANK_FULL === '1';
/** Of each kind of machine; there are eight kinds. */
const runs = isFull ? 125 : 4;

/** A run without a VMM, recorded once. */
const plain: RandomRun = { seed: 7, processors: 2, hasVmm: false };
let items: readonly RecordedItem[];

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

  for (const processors of [1, 2, 3, 4])
    for (const hasVmm of [false, true])
      it(`give ${runs} recorded runs again, with ${processors} processors and ${hasVmm ? 'a VMM that comes and goes' : 'no VMM'}, wherever the host cuts`, async () => {
        for (let seed = 1; seed <= runs; seed++) {
          const run: RandomRun = { seed: seed * 10 + processors, processors, hasVmm };
          const recorded = await recordedRun(run);
          const { inputs, ...replayed } = await replayedRun(run, recorded.items, seed + 1000);
          expect(inputs.divergence, `seed ${run.seed}`).to.equal(undefined);
          expect(replayed.end, `seed ${run.seed}`).to.be.oneOf([SliceEnd.Replayed, SliceEnd.Ended]);
          expect(replayed.output, `seed ${run.seed}`).to.equal(recorded.output);
          expect(replayed.hash, `seed ${run.seed}`).to.equal(recorded.hash);
        }
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
        item === typed && item.kind === 'event' ? { ...item, event: { kind: 'typed', bytes: [0x21] } } : item,
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

    it('shows a handler that gives its guest something that no run has twice', async () => {
      let calls = 0;
      @injectable()
      class Careless implements ExitContribution {
        readonly name = 'careless';
        readonly reasons = [ExitReason.Cpuid];
        @inject(GeneralRegisters) private readonly registers!: GeneralRegisters;
        handleExit(): boolean {
          // The counter outlives the machine, as the time of the host does.
          this.registers.values[r9] = BigInt(++calls);
          return false;
        }
      }
      const module = vcpuModule(({ bind }) => void bind(ExitContribution).to(Careless));
      const run: RandomRun = { seed: 5, processors: 1, hasVmm: true, module };
      const recorded = await recordedRun(run);
      expect(calls).to.be.greaterThan(0);
      const { inputs, end } = await replayedRun(run, recorded.items, 1);
      expect(end).to.equal(SliceEnd.Diverged);
      expect(inputs.divergence!.what).to.equal('processors or devices have another state');
    });
  });
});
