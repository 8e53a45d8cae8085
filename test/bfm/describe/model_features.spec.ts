// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { announcedFeatures } from '../../../src/bfm/describe/model_features.js';
import { CpuidLeaf } from '../../../src/intrinsics/registers/cpuid_leaves.js';

const none = { eax: 0, ebx: 0, ecx: 0, edx: 0 };

describe('announcedFeatures', () => {
  it('names the bits that are 1 in the leaves of features, each in its own subleaf', () => {
    const cpuid = [
      { ...none, leaf: CpuidLeaf.FeatureInformation, ecx: 1, edx: 1 << 4, ebx: 0xff00 },
      { ...none, leaf: CpuidLeaf.ExtendedFeatureFlags, subleaf: 0, ebx: 1 << 5 },
      { ...none, leaf: CpuidLeaf.ExtendedState, subleaf: 0, eax: 7 },
      { ...none, leaf: CpuidLeaf.ExtendedState, subleaf: 1, eax: 2 },
      { ...none, leaf: CpuidLeaf.CacheAndTlbInformation, eax: 0xffffffff },
    ];
    expect(announcedFeatures({ cpuid })).to.deep.equal(['sse3', 'tsc', 'avx2', 'xsavec']);
  });
});
