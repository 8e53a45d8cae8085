// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** Guest-physical memory. SDM 3C "The Extended Page Table Mechanism (EPT)". The base map: every address is itself, without the VMM's own. */
export interface Ept {
  /** Whether the processor can walk the tables that this component builds. */
  isSupported(): boolean;
  /** The EPT pointer of the base map, which is built when it is first asked for. */
  pointer(): bigint;
}
export const Ept = component<Ept>('bareflank.Ept', 'vmm');
