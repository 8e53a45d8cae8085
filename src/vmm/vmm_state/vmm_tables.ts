// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { TableRegister } from '../../intrinsics/instructions/segments.js';
import type { SegmentDescriptor } from './gdt_x64.js';

/** The VMM's own descriptor tables, shared by all vCPUs. */
export interface VmmTables {
  /** Builds them. Once, at load. */
  init(): void;
  readonly gdt: TableRegister;
  readonly idt: TableRegister;
  /** The segment of one of the VMM's selectors. */
  segment(selector: number): SegmentDescriptor;
}
export const VmmTables = component<VmmTables>('bareflank.VmmTables', 'vmm');
