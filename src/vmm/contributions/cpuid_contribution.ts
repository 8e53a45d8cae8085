// SPDX-License-Identifier: LGPL-2.1-only
import { contribution } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import type { Exit } from '../exit/exit.js';

/** Changes the answers of the guest's CPUID. Asked in order until one returns true or injects a fault. After a fault, CPUID does not complete. */
export interface CpuidContribution extends Contribution {
  /** Leaves, as EAX selects them. */
  readonly leaves: readonly number[];
  /**
   * @param registers EAX, EBX, ECX, EDX as the processor and earlier contributions answer. Change them in place.
   * @returns true: no other contribution is asked.
   */
  handleCpuid(leaf: number, subleaf: number, registers: Uint32Array, exit: Exit): boolean;
}
export const CpuidContribution = contribution<CpuidContribution>('bareflank.CpuidContribution', 'vcpu', {
  numbers: ['leaves'],
  methods: ['handleCpuid'],
});
