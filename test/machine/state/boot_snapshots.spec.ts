// SPDX-License-Identifier: LGPL-2.1-only
// Debian's kernel, moved from machine to machine while it boots. In the long tests, with the kernel that BAREFLANK_DEBIAN_KERNEL names.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { Pc } from '../../../src/machine/pc.js';
import { coreModule } from '../../support/test_core.js';
import { randomNumbers } from '../random_numbers.js';

const kernel = process.env.BAREFLANK_DEBIAN_KERNEL ?? '';
/** Instructions of all processors together between two comparisons. */
const step = 5e7;
const steps = 8;

const newPc = async (processors: number): Promise<Pc> =>
  Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 256 << 20,
    processors,
    com1: () => {},
    com2: () => {},
  });

/** Runs to a count of instructions of all processors: the host cuts the run there. */
function runTo(pc: Pc, point: number): void {
  for (const processor of pc.processors) {
    const whole = processor.run.bind(processor);
    processor.run = (instructions) => whole(Math.min(instructions, point - pc.instructions));
  }
  while (pc.instructions < point)
    expect(
      pc.runQuantum(() => true),
      `before ${point}`,
    ).to.equal(undefined);
  for (const processor of pc.processors) Reflect.deleteProperty(processor, 'run');
}

describe("Debian's kernel in snapshots", function () {
  this.timeout(900_000);

  before(function () {
    if (process.env.BAREFLANK_FULL !== '1' || kernel === '') this.skip();
  });

  for (const processors of [1, 4]) {
    it(`goes on with ${processors} processors as without them, from each of ${steps} machines`, async () => {
      const next = randomNumbers(processors);
      const undisturbed = await newPc(processors);
      let pc = await newPc(processors);
      for (const each of [undisturbed, pc])
        each.boot({ kernel: { name: 'vmlinuz', bytes: readFileSync(kernel) }, modules: [], append: 'console=ttyS0' });
      for (let i = 0; i < steps; i++) {
        runTo(pc, i * step + 1 + next(step - 1));
        const state = pc.save();
        const other = await newPc(processors);
        other.restore(state);
        expect(other.save()).to.deep.equal(state);
        pc = other;
        for (const each of [undisturbed, pc]) runTo(each, (i + 1) * step);
        expect([pc.stateHash(), pc.virtualTime]).to.deep.equal([undisturbed.stateHash(), undisturbed.virtualTime]);
      }
    });
  }
});
