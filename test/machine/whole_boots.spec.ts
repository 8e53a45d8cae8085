// SPDX-License-Identifier: LGPL-2.1-only
// Debian's kernel from its first instruction on, with the same state at the same points of two runs. In the long tests, with the kernel that
// BAREFLANK_DEBIAN_KERNEL names.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import type { CompiledTierOptions } from '../../src/machine/compiled/compiled_tier.js';
import { Pc } from '../../src/machine/pc.js';
import { forcedTier, hotTier } from '../support/compiled_tier.js';
import { coreModule } from '../support/test_core.js';

const kernel = process.env.BAREFLANK_DEBIAN_KERNEL ?? '';
const step = 1e8;
const steps = 5;

/** Boots the kernel, and stops it at certain counts of the instructions of all processors together. @returns the state hash at each. */
async function hashesOf(
  processors: number,
  points: readonly number[],
  compiledTier?: CompiledTierOptions,
): Promise<string[]> {
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 512 << 20,
    processors,
    com1: () => {},
    com2: () => {},
    ...(compiledTier && { compiledTier }),
  });
  pc.boot({ kernel: { name: 'vmlinuz', bytes: readFileSync(kernel) }, modules: [], append: 'console=ttyS0' });
  let point = 0;
  // The host cuts a run where the next point is; between two turns of a planned schedule it is exact.
  for (const processor of pc.processors) {
    const whole = processor.run.bind(processor);
    processor.run = (instructions) => whole(Math.min(instructions, point - pc.instructions));
  }
  const hashes: string[] = [];
  for (point of points) {
    while (pc.instructions < point)
      expect(
        pc.runQuantum(() => true),
        `before ${point}`,
      ).to.equal(undefined);
    expect(pc.instructions).to.equal(point);
    hashes.push(pc.stateHash());
  }
  if (compiledTier !== undefined)
    expect(pc.compiledTier!.executed.instructions, 'instructions in regions').to.be.greaterThan(pc.instructions / 20);
  return hashes;
}

describe("Debian's kernel", function () {
  this.timeout(900_000);

  before(function () {
    if (process.env.BAREFLANK_FULL !== '1' || kernel === '') this.skip();
  });

  for (const processors of [1, 4]) {
    it(`has the same state at each 10^8 instructions of two runs with ${processors} processors, hashed and stopped at other points too`, async () => {
      const points = Array.from({ length: steps }, (_, i) => (i + 1) * step);
      const others = points.flatMap((point) => [point - 71_234_567, point - 1_003, point]);
      const hashes = await hashesOf(processors, points);
      const again = await hashesOf(processors, others);
      expect(again.filter((_, i) => i % 3 === 2)).to.deep.equal(hashes);
      expect(new Set(again).size, 'the state changes').to.equal(others.length);
      for (const tier of [hotTier, forcedTier])
        expect(await hashesOf(processors, points, tier), `hot code compiled: ${tier.mode}`).to.deep.equal(hashes);
    });
  }
});
