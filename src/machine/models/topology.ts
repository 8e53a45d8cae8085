// SPDX-License-Identifier: LGPL-2.1-only
import { CpuidLeaf, FeatureInformationEdx } from '../../intrinsics/registers/cpuid_leaves.js';
import type { CpuidLeafValues, PlainMsr, ProcessorModel } from './processor_model.js';
import { coreThreadCount } from './simulated_model.js';

/** The subleaf of leaf 4 with the cache of the highest level, which the whole package shares. */
const sharedCache = 3;
/** The subleaf of the topology leaf that counts the processors of a package, and its level type in ECX: cores. */
const coreLevel = { subleaf: 1, ecx: 0x201 } as const;

/**
 * A model in a machine with so many processors: one package of cores with one thread each. SDM 3A "Detecting Hardware Multi-Threading Support
 * and Topology".
 */
export function withProcessors(model: ProcessorModel, processors: number): ProcessorModel {
  if (processors === 1) return model;
  const bits = 32 - Math.clz32(processors - 1);
  return {
    ...model,
    cpuid: model.cpuid.map((leaf) => withTopology(leaf, processors, bits)),
    msrs: model.msrs.map((msr) => withCount(msr, processors)),
  };
}

/** @param bits of a local APIC's number that tell the processors of the package apart. */
function withTopology(leaf: CpuidLeafValues, processors: number, bits: number): CpuidLeafValues {
  const ids = 1 << bits;
  switch (leaf.leaf) {
    case CpuidLeaf.FeatureInformation:
      return { ...leaf, ebx: (leaf.ebx & ~0xff0000) | (ids << 16), edx: (leaf.edx | FeatureInformationEdx.Htt) >>> 0 };
    case CpuidLeaf.DeterministicCacheParameters: {
      const sharing = leaf.subleaf === sharedCache ? ids - 1 : 0;
      return { ...leaf, eax: ((leaf.eax & 0x3fff) | (sharing << 14) | ((ids - 1) << 26)) >>> 0 };
    }
    case CpuidLeaf.ExtendedTopology:
      if (leaf.subleaf !== coreLevel.subleaf) return leaf;
      return { ...leaf, eax: bits, ebx: processors, ecx: coreLevel.ecx };
    default:
      return leaf;
  }
}

function withCount(msr: PlainMsr, processors: number): PlainMsr {
  return msr.address === coreThreadCount ? { ...msr, value: BigInt((processors << 16) | processors) } : msr;
}
