// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FeatureInformationEdx } from '../../../src/intrinsics/registers/cpuid_leaves.js';
import { coreThreadCount } from '../../../src/machine/models/simulated_model.js';
import { skylakeClient } from '../../../src/machine/models/skylake_client.js';
import { withProcessors } from '../../../src/machine/models/topology.js';

describe('withProcessors', () => {
  const leaf = (processors: number, number: number, subleaf?: number) =>
    withProcessors(skylakeClient, processors).cpuid.find(
      (each) => each.leaf === number && (subleaf === undefined || each.subleaf === subleaf),
    )!;

  it('changes nothing for one processor', () => {
    expect(withProcessors(skylakeClient, 1)).to.equal(skylakeClient);
  });

  for (const [processors, ids, bits] of [
    [2, 2, 1],
    [3, 4, 2],
    [4, 4, 2],
    [8, 8, 3],
  ] as const) {
    it(`makes ${processors} cores of one package, with room for ${ids} numbers`, () => {
      const { ebx, edx } = leaf(processors, 1);
      expect([(ebx >>> 16) & 0xff, edx & FeatureInformationEdx.Htt]).to.deep.equal([ids, FeatureInformationEdx.Htt]);
      // Leaf 4: highest number of a core, and of a processor that shares the cache.
      const caches = [0, 1, 2, 3].map((subleaf) => leaf(processors, 4, subleaf).eax);
      expect(caches.map((eax) => (eax >>> 26) + 1)).to.deep.equal([ids, ids, ids, ids]);
      expect(caches.map((eax) => ((eax >>> 14) & 0xfff) + 1)).to.deep.equal([1, 1, 1, ids]);
      expect(caches.map((eax) => eax & 0x3ff)).to.deep.equal(
        [0, 1, 2, 3].map((subleaf) => leaf(1, 4, subleaf).eax & 0x3ff),
      );
      const [threads, cores] = [leaf(processors, 0xb, 0), leaf(processors, 0xb, 1)];
      expect([threads.eax, threads.ebx, threads.ecx]).to.deep.equal([0, 1, 0x100]);
      expect([cores.eax, cores.ebx, cores.ecx]).to.deep.equal([bits, processors, 0x201]);
      const count = withProcessors(skylakeClient, processors).msrs.find((msr) => msr.address === coreThreadCount)!;
      expect(count.value).to.equal(BigInt(processors * 0x10001));
    });
  }
});
