// SPDX-License-Identifier: LGPL-2.1-only
import { CpuidLeaf, cpuidLeafDefinitions } from '../../intrinsics/registers/cpuid_leaves.js';
import type { ProcessorModel } from '../../machine/models/processor_model.js';

/** The leaves whose bits announce features. */
const featureLeaves: readonly number[] = [
  CpuidLeaf.FeatureInformation,
  CpuidLeaf.ExtendedFeatureFlags,
  CpuidLeaf.ExtendedState,
  CpuidLeaf.ExtendedProcessorInformation,
  CpuidLeaf.AdvancedPowerManagement,
];

/** The names of the features that a processor model announces: the bits that are 1 in its CPUID leaves. */
export function announcedFeatures({ cpuid }: Pick<ProcessorModel, 'cpuid'>): string[] {
  const registers = cpuidLeafDefinitions
    .filter(({ leaf }) => featureLeaves.includes(leaf))
    .flatMap(({ leaf, registers: each }) => each.map((register) => ({ leaf, ...register })));
  return registers.flatMap(({ leaf, register, subleaf, fields }) => {
    const values = cpuid.find((each) => each.leaf === leaf && (each.subleaf ?? 0) === (subleaf ?? 0));
    const value = values?.[register] ?? 0;
    return fields.filter(({ from, to }) => from === to && ((value >>> from) & 1) === 1).map(({ name }) => name);
  });
}
