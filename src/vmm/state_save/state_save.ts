// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { GeneralRegisters } from '../../intrinsics/instructions/general_registers.js';

/** The page that host GS names while the VMM runs, and the guest's registers as of the exit. */
export interface StateSave {
  /** Makes the page. Precondition of all others. */
  init(): void;
  /** Gives it back. */
  fini(): void;
  /** VMM-virtual address of the page. */
  readonly address: bigint;
  /** The guest's general-purpose registers. The next entry loads what is stored there. */
  readonly registers: GeneralRegisters;
  readonly vcpuid: bigint;
  /** Words for extensions. */
  user1: bigint;
  user2: bigint;
  user3: bigint;
}
export const StateSave = component<StateSave>('bareflank.StateSave', 'vcpu');
