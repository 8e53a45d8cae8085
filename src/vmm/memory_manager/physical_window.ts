// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** All physical memory at addresses of the VMM's, so that reading a guest's memory maps nothing. */
export interface PhysicalWindow {
  /**
   * Where a physical address is, and the seven bytes behind it: bits 63:32 of the VMM-virtual address, whose bits 31:0 are the physical
   * ones. The large page around it is mapped when it is first asked for, and stays.
   *
   * @throws MemoryManagerError beyond the window.
   */
  highAt(low: number, high: number): number;
  /** The same as one number, for `bytes` from a physical address on. */
  addressOf(physical: bigint, bytes: number): bigint;
}
export const PhysicalWindow = component<PhysicalWindow>('bareflank.PhysicalWindow', 'vmm');
