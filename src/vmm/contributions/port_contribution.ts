// SPDX-License-Identifier: LGPL-2.1-only
import { contribution } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import type { Exit } from '../exit/exit.js';

/**
 * Emulates I/O ports. The owner `IoBitmap` makes accesses to these ports exit; other ports are not affected. Asked in order until one answers; the
 * base comes last. `exit.inject(Vector.GeneralProtection, 0)` denies the access: no other contribution is asked, no register changes, and RIP
 * stays at the instruction.
 */
export interface PortContribution extends Contribution {
  readonly ports: readonly number[];
  /** IN. @param size 1, 2 or 4 bytes. @returns the value, or undefined: the next contribution is asked. */
  handlePortRead?(port: number, size: number, exit: Exit): number | undefined;
  /** OUT. @returns true: written. */
  handlePortWrite?(port: number, size: number, value: number, exit: Exit): boolean;
}
export const PortContribution = contribution<PortContribution>('bareflank.PortContribution', 'vcpu', {
  numbers: ['ports'],
  someOf: ['handlePortRead', 'handlePortWrite'],
});
