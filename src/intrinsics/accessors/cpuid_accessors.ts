// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';
import type { CpuidLeaf, cpuidLeafBits, CpuidRegisterName } from '../registers/cpuid_leaves.js';
import type { FieldsOf, WordAccessors } from './accessor_types.js';

type Registers<Fields> = {
  readonly [R in CpuidRegisterName]: WordAccessors<FieldsOf<Fields, R>, 'ro'>;
};

type Leaf<Fields> = keyof Fields extends `subleaf${number}`
  ? { readonly [S in keyof Fields]: Registers<Fields[S]> }
  : Registers<Fields>;

/** The leaves that have bit fields have them by register, or by subleaf and register. */
type LeafNamed<N> = N extends keyof typeof cpuidLeafBits ? Leaf<(typeof cpuidLeafBits)[N]> : Registers<unknown>;

/**
 * Every leaf of `CpuidLeaf` by name, with the registers that it fills and their bits: `cpuid.featureInformation.ecx.vmx.isEnabled()`,
 * `cpuid.extendedFeatureFlags.subleaf0.ebx.smep.isEnabled()`. Each access is a CPUID of the processor that executes the caller.
 */
export type CpuidAccessors = { readonly [N in keyof typeof CpuidLeaf as Uncapitalize<N>]: LeafNamed<N> };
export const CpuidAccessors = component<CpuidAccessors>('bareflank.CpuidAccessors', 'vmm');
