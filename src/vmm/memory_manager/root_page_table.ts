// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { MemoryDescriptor } from './memory_manager.js';
import type { PageTableEntryX64 } from './page_table_entry_x64.js';

/** Sizes of pages that a page table maps. */
export type PageSize = 0x1000 | 0x200000 | 0x40000000;

/** The VMM's own page table: the one that host CR3 names. */
export interface RootPageTable {
  /** Builds the table from the memory manager's descriptors and makes it the one that translates. Once, at load. */
  init(): void;
  /** The value for host CR3: the table's physical address, write-back. */
  readonly cr3: bigint;
  /**
   * Maps a page, and adds its memory descriptor (page 0 has none: 0 is the null address of the translations). It replaces
   * smaller pages that it covers.
   *
   * @param attributes a value of `MemoryAttribute`.
   * @throws MemoryManagerError for addresses that are not aligned to the page, for invalid attributes, and inside a larger page. Nothing
   * changes then.
   */
  map1g(virtual: bigint, physical: bigint, attributes: number): void;
  /** As `map1g`. */
  map2m(virtual: bigint, physical: bigint, attributes: number): void;
  /** As `map1g`. */
  map4k(virtual: bigint, physical: bigint, attributes: number): void;
  /** As `map1g`, `map2m` or `map4k`, without a memory descriptor: the memory manager does not translate the page. */
  mapAlias(virtual: bigint, physical: bigint, attributes: number, size: PageSize): void;
  /** Maps addresses to themselves, pass-through and write-back. `end` is exclusive. @throws MemoryManagerError if either is not aligned */
  setupIdentityMap1g(start: bigint, end: bigint): void;
  /** As `setupIdentityMap1g`. */
  setupIdentityMap2m(start: bigint, end: bigint): void;
  /** As `setupIdentityMap1g`. */
  setupIdentityMap4k(start: bigint, end: bigint): void;
  /** Unmaps the page of an address, drops its descriptor, and frees tables that become empty. An unmapped address is ignored. */
  unmap(virtual: bigint): void;
  /** The memory descriptors of the tables themselves, root first. */
  tablesToDescriptors(): MemoryDescriptor[];
  /** The entry that maps an address, and the size of its page. @throws MemoryManagerError if there is none. */
  virtualToEntry(virtual: bigint): { readonly entry: bigint; readonly size: PageSize };
  /** The same entry in place, bit by bit. @throws MemoryManagerError if there is none. */
  virtualToPte(virtual: bigint): PageTableEntryX64;
}
export const RootPageTable = component<RootPageTable>('bareflank.RootPageTable', 'vmm');
