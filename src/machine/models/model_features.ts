// SPDX-License-Identifier: LGPL-2.1-only
import type { FeatureSource } from '../../intrinsics/contents/msr_contents.js';
import type { ProcessorModel } from './processor_model.js';

/** What a processor model announces, for the tables of src/intrinsics. */
export function modelFeatures(model: ProcessorModel): FeatureSource {
  return {
    cpuid: (leaf, register, subleaf) =>
      model.cpuid.find((each) => each.leaf === leaf && (each.subleaf ?? 0) === subleaf)?.[register] ?? 0,
    msrLow: (address) => Number((model.msrs.find((each) => each.address === address)?.value ?? 0n) & 0xffffffffn),
  };
}
