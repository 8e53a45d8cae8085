// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { GeneralRegisters } from '../../../src/intrinsics/instructions/general_registers.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import type { ReplayPoint } from '../../../src/session/replay/replay_point.js';
import { SliceEnd } from '../../../src/session/session_ports.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../../src/vmm/contributions/exit_contribution.js';
import { randomNumbers } from '../../machine/random_numbers.js';
import { replayOf } from './replay_of.js';
import { kindsOfRuns, recordedRun, runOf, type RandomRun } from '../random_run.js';

const isFull = process.env.BAREFLANK_FULL === '1';
const GIGABYTE = 2 ** 30;
/** Its place among the general registers. */
const r9 = 9;

type Replay = Awaited<ReturnType<typeof replayOf>>;

/** What a replay has at a point. */
const seenAt = async ({ replay, session, reports }: Replay, point: ReplayPoint) => {
  const end = await replay.goTo(point);
  const { pc } = session;
  const { instructions, virtualTime, exitCount } = pc;
  return { end: SliceEnd[end], hash: pc.stateHash(), instructions, virtualTime, exitCount, reports: reports() };
};

/** Points of a run at random. A replay that only goes forward can come to those of one list one after the other. */
function pointsOf({ session: { pc } }: Replay, random: (limit: number) => number): ReplayPoint[][] {
  const among = (kind: 'instruction' | 'exit', most: number): ReplayPoint[] => {
    const counts = Array.from({ length: most === 0 ? 0 : isFull ? 5 : 2 }, () => 1 + random(most));
    return [...new Set(counts)].sort((one, other) => one - other).map((count) => ({ kind, count }));
  };
  // A call of the driver has several exits, and a replay stops after the call.
  return [among('instruction', pc.instructions), ...among('exit', pc.exitCount).map((point) => [point])];
}

/** Goes back and forth, and compares each point with a replay that went only forward. */
async function goesAnywhere(run: RandomRun, most = GIGABYTE): Promise<Replay> {
  const { items } = await recordedRun(run);
  const first = await replayOf(run, items, undefined, 1);
  expect(await first.replay.toEnd()).to.be.oneOf([SliceEnd.Replayed, SliceEnd.Ended]);
  const [wanted, output] = [first.session.pc.stateHash(), first.world.output];
  const random = randomNumbers(run.seed);
  const points: ReplayPoint[] = [];
  const forward = new Map<ReplayPoint, unknown>();
  for (const some of pointsOf(first, random)) {
    const replay = await replayOf(run, items, undefined, 1);
    for (const point of some) forward.set(point, await seenAt(replay, point));
    points.push(...some);
  }
  const again = await replayOf(run, items, most, 1 + random(60_000));
  await again.replay.toEnd();
  for (const point of [...points].reverse().concat(points))
    expect(await seenAt(again, point), `seed ${run.seed}, ${JSON.stringify(point)}`).to.deep.equal(forward.get(point));
  await again.replay.toEnd();
  expect(again.inputs.divergence).to.equal(undefined);
  expect(again.session.pc.stateHash()).to.equal(wanted);
  expect(again.world.output).to.equal(output);
  return again;
}

describe('ReplaySession', function () {
  if (isFull) this.timeout(1_200_000);

  for (const kind of isFull ? Array(kindsOfRuns).keys() : [3, 5, 12]) {
    const { processors, hasVmm, sleeps } = runOf(kind);
    const what = `${processors} processors, ${hasVmm ? 'a VMM that comes and goes' : 'no VMM'}${sleeps ? ', asleep for the most part' : ''}`;
    it(`brings a run to any of its points: ${what}`, async () => {
      for (let i = 0; i < (isFull ? 10 : 1); i++) await goesAnywhere(runOf(kind + (i + 3) * kindsOfRuns));
    });
  }

  it('is exact with the few checkpoints that its memory has room for', async () => {
    const run = runOf(7);
    const few = await goesAnywhere(run, 1);
    expect(few.replay.checkpointFacts).to.include({ count: 1 });
  });

  it('stops where a text is on the console for the first time', async () => {
    const run = runOf(3);
    const { items, output } = await recordedRun(run);
    const texts = [output.slice(0, 1), output.slice(0, 3), output.slice(1, 5)];
    const ends = texts.map((text) => output.indexOf(text) + text.length);
    const { replay, session, world } = await replayOf(run, items, GIGABYTE, 20_000);
    const seen: unknown[] = [];
    for (const text of texts) {
      const there = await seenAt({ replay, session, reports: () => ({}) } as Replay, { kind: 'text', text });
      seen.push(there);
      expect(there.end).to.equal('PointReached');
    }
    expect(world.output).to.equal(output.slice(0, Math.max(...ends)));
    await replay.toEnd();
    for (const [i, text] of [...texts.entries()].reverse())
      expect(await seenAt({ replay, session, reports: () => ({}) } as Replay, { kind: 'text', text })).to.deep.equal(
        seen[i],
      );
    expect(SliceEnd[await replay.goTo({ kind: 'text', text: 'never there' })]).to.be.oneOf(['Replayed', 'Ended']);
    expect(world.output).to.equal(output);
  });

  it('says why it cannot go back', async () => {
    const run = runOf(3);
    const { items } = await recordedRun(run);
    const { replay } = await replayOf(run, items, undefined, 1);
    await replay.goTo({ kind: 'instruction', count: 5000 });
    const failure: unknown = await replay.goTo({ kind: 'instruction', count: 4000 }).catch((error: unknown) => error);
    expect((failure as Error).message).to.equal('the replay cannot go back: no checkpoint was taken before the point');
  });

  it('goes back behind state that cannot be saved, and says what it is', async () => {
    @injectable()
    class Unmarked implements ExitContribution {
      readonly name = 'unmarked';
      readonly reasons = [ExitReason.Cpuid];
      @inject(GeneralRegisters) private readonly registers!: GeneralRegisters;
      private calls = 0n;
      handleExit(): boolean {
        this.registers.values[r9] = ++this.calls;
        return false;
      }
    }
    const module = vcpuModule(({ bind }) => void bind(ExitContribution).to(Unmarked));
    const again = await goesAnywhere({ ...runOf(4), seed: 5, module });
    expect(again.replay.checkpointFacts!.failure).to.include('Unmarked.calls');
  });
});
