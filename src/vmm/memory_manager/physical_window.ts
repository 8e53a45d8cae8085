// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** All physical memory at VMM-virtual addresses, so that reading a guest's memory needs no mapping. */
export interface PhysicalWindow {
  /**
   * Maps a physical address and the seven bytes after it. @returns bits 63:32 of the VMM-virtual address; its bits 31:0 are those of the physical
   * one. The large page around it is mapped at the first use, and stays.
   *
   * @throws MemoryManagerError beyond the window.
   */
  highAt(low: number, high: number): number;
  /** The same as one number, for `bytes` from a physical address on. */
  addressOf(physical: bigint, bytes: number): bigint;
}
export const PhysicalWindow = component<PhysicalWindow>('bareflank.PhysicalWindow', 'vmm');
