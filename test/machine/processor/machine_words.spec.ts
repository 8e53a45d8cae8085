// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { msrsByBits, settableBits } from '../../../src/intrinsics/contents/msr_contents.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { Sizes } from '../../../src/machine/layout/regions.js';
import { CpuidEntry, MODEL_ENTRY_BYTES, MsrEntry } from '../../../src/machine/layout/model_tables.js';
import { modelFeatures } from '../../../src/machine/models/model_features.js';
import { skylakeClient } from '../../../src/machine/models/skylake_client.js';
import { writeMachineWords } from '../../../src/machine/processor/machine_words.js';

describe('writeMachineWords', () => {
  const memory = new ArrayBuffer(Layout.MSR_TABLE + Sizes.MSR_TABLE);
  const u32 = new Uint32Array(memory);
  const u64 = new BigUint64Array(memory);
  writeMachineWords({ u32, u64 }, { memoryBytes: 16 << 20, model: skylakeClient, processors: 1 });

  it("writes the model's leaves and MSRs to their tables", () => {
    expect(u32[Layout.CPUID_COUNT / 4]).to.equal(skylakeClient.cpuid.length);
    skylakeClient.cpuid.forEach(({ leaf, edx }, index) => {
      const at = Layout.CPUID_TABLE + index * MODEL_ENTRY_BYTES;
      expect([u32[(at + CpuidEntry.Leaf) / 4], u32[(at + CpuidEntry.Edx) / 4]]).to.deep.equal([leaf >>> 0, edx >>> 0]);
    });
    expect(u32[Layout.MSR_COUNT / 4]).to.equal(skylakeClient.msrs.length);
    skylakeClient.msrs.forEach(({ address, value }, index) => {
      const at = Layout.MSR_TABLE + index * MODEL_ENTRY_BYTES;
      expect([u32[(at + MsrEntry.Index) / 4], u64[(at + MsrEntry.Value) / 8]]).to.deep.equal([address, value]);
    });
  });

  it('writes which bits addresses, CR4 and MSRs may have', () => {
    expect(u64[Layout.PHYSICAL_RESERVED / 8]).to.equal(0xffffff8000000000n);
    expect(u32[Layout.CR4_ALLOWED / 4]).to.equal(skylakeClient.cr4Allowed);
    msrsByBits.forEach((msr, index) => {
      const { low, high } = settableBits(msr, modelFeatures(skylakeClient));
      const at = Layout.MSR_SETTABLE / 4 + 2 * index;
      expect([u32[at], u32[at + 1]], `0x${msr.toString(16)}`).to.deep.equal([low, high]);
    });
  });
});
