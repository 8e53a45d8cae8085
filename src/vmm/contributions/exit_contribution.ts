// SPDX-License-Identifier: LGPL-2.1-only
import { contribution } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import type { Exit } from '../exit/exit.js';

/** Handles VM exits of some reasons in addition to the base. Asked in order until one returns true; the base comes last. */
export interface ExitContribution extends Contribution {
  /** Basic exit reasons, of `ExitReason`. */
  readonly reasons: readonly number[];
  /** @returns true: handled, and no other contribution is asked. false: the next contribution, finally the base, handles it. */
  handleExit(exit: Exit): boolean;
}
export const ExitContribution = contribution<ExitContribution>('bareflank.ExitContribution', 'vcpu', {
  numbers: ['reasons'],
  methods: ['handleExit'],
});
