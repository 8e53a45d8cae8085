// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

/** CPUID. SDM 2A. */
export interface Cpuid {
  /** Stores EAX, EBX, ECX, EDX in `result[0..3]`; allocates nothing. */
  cpuid(leaf: number, subleaf: number, result: Uint32Array): void;
}
export const Cpuid = component<Cpuid>('bareflank.intrinsics.Cpuid', 'vmm');
