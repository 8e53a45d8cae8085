// SPDX-License-Identifier: LGPL-2.1-only
// A state hash, a report, a read of memory by address and a cut of a turn: none changes what the guest sees, not even in its page tables.
import { expect } from 'chai';
import { restore, stub } from 'sinon';
import { Pc } from '../../src/machine/pc.js';
import { coreModule } from '../support/test_core.js';
import { randomNumbers } from './random_numbers.js';
import { OwnFlags, ownFlagsGuest } from './own_flags_guest.js';

const rounds = 400;

/** Each run of a processor ends after a random number of instructions. */
function cutRuns(pc: Pc, next: (limit: number) => number): void {
  for (const processor of pc.processors) {
    const whole = processor.run.bind(processor);
    stub(processor, 'run').callsFake((instructions) => whole(Math.min(instructions, 1 + next(300))));
  }
}

function look(pc: Pc, next: (limit: number) => number): void {
  const looks = [
    () => pc.stateHash(),
    () => pc.processorReports(),
    () => {
      for (const { core } of pc.processors) {
        if (!core.block.isLoaded) continue;
        for (const kind of ['read', 'write', 'fetch'] as const) pc.core.translate(BigInt(7 * 2 ** 39), kind);
      }
    },
  ];
  looks[next(2 * looks.length)]?.();
}

/** Runs the guest to its end. @returns everything that can be seen of the run. */
async function run(processors: number, looks?: (limit: number) => number) {
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors,
    com1: () => {},
    com2: () => {},
  });
  pc.boot({ kernel: { name: 'own flags', bytes: ownFlagsGuest(processors, rounds) }, modules: [], append: '' });
  if (looks !== undefined) cutRuns(pc, looks);
  let turns = 0;
  for (let end = pc.runQuantum(() => true); end === undefined; end = pc.runQuantum(() => true)) {
    if (++turns > 1e6) throw new Error('the guest does not end');
    if (looks !== undefined) look(pc, looks);
  }
  const word = (address: number): bigint => pc.core.u64[pc.core.physicalOffset(address) / 8]!;
  return {
    hash: pc.stateHash(),
    time: pc.virtualTime,
    instructions: pc.processors.map((each) => each.instructionCount),
    done: Number(word(OwnFlags.done)),
    sums: Array.from({ length: processors }, (_, n) => word(OwnFlags.sums + 8 * n)),
    turns,
  };
}

describe('A look at a machine whose guest clears its own accessed and dirty flags', () => {
  afterEach(() => restore());

  for (const processors of [1, 4]) {
    it(`changes nothing of the run, with ${processors}`, async () => {
      const { turns, ...undisturbed } = await run(processors);
      expect(undisturbed.done).to.equal(processors);
      expect(undisturbed.sums, 'each processor has found flags').to.not.include(0n);
      for (let seed = 1; seed <= 4; seed++) {
        const { turns: more, ...looked } = await run(processors, randomNumbers(seed));
        expect(more, `seed ${seed}`).to.be.greaterThan(2 * turns);
        expect(looked, `seed ${seed}`).to.deep.equal(undisturbed);
        restore();
      }
    });
  }
});
