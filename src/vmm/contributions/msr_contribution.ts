// SPDX-License-Identifier: LGPL-2.1-only
import { contribution } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import type { Exit } from '../exit/exit.js';

/**
 * Emulates MSRs. Asked in order until one answers; the base comes last. `exit.inject(Vector.GeneralProtection, 0)` denies the access: no
 * other contribution is asked, no register changes, and RIP stays at the instruction.
 */
export interface MsrContribution extends Contribution {
  /** Addresses, as ECX selects them. */
  readonly msrs: readonly number[];
  /** RDMSR. @returns the value, or undefined: the next contribution is asked. */
  handleMsrRead?(msr: number, exit: Exit): bigint | undefined;
  /** WRMSR. @returns true: written. */
  handleMsrWrite?(msr: number, value: bigint, exit: Exit): boolean;
}
export const MsrContribution = contribution<MsrContribution>('bareflank.MsrContribution', 'vcpu', {
  numbers: ['msrs'],
  someOf: ['handleMsrRead', 'handleMsrWrite'],
});
