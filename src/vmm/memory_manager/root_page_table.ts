// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { MemoryDescriptor } from './memory_manager.js';

/** Sizes of pages that a page table maps. */
export type PageSize = 0x1000 | 0x200000 | 0x40000000;

/** The VMM's own page table: the one that host CR3 names. */
export interface RootPageTable {
  /** Builds the table from the memory manager's descriptors and makes it the one that translates. Once, at load. */
  init(): void;
  /** The value for host CR3: the table's physical address, write-back. */
  readonly cr3: bigint;
  map1g(virtual: bigint, physical: bigint, attributes: number): void;
  map2m(virtual: bigint, physical: bigint, attributes: number): void;
  map4k(virtual: bigint, physical: bigint, attributes: number): void;
  /** Maps addresses to themselves, with pages of one size. `end` does not belong to it. */
  setupIdentityMap(start: bigint, end: bigint, size: PageSize): void;
  /** Forgets a page, and the tables that hold nothing any more. */
  unmap(virtual: bigint): void;
  /** The memory descriptors of the tables themselves, root first. */
  tablesToDescriptors(): MemoryDescriptor[];
  /** The entry that maps an address, and the size of its page. @throws MemoryManagerError if there is none. */
  virtualToEntry(virtual: bigint): { readonly entry: bigint; readonly size: PageSize };
}
export const RootPageTable = component<RootPageTable>('bareflank.RootPageTable', 'vmm');
