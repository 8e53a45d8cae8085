// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** One page that the VMM knows: its place and its permissions (`MemoryDescriptorType` or `MemoryAttribute`). */
export interface MemoryDescriptor {
  readonly virtual: bigint;
  readonly physical: bigint;
  readonly attributes: number;
}

/** A run of such pages, one after the other in both address spaces. */
export interface MemoryRange extends MemoryDescriptor {
  readonly bytes: number;
}

/** The content of an allocation: data, or a structure that the processor or the VMM relies on (tables, VMCSs, bitmaps, stacks), which is never shared. */
export type AllocationContent = 'data' | 'structure';

/** The VMM's memory: pools to allocate from, and the map of all pages. Addresses are VMM-virtual unless they are called physical. */
export interface MemoryManager {
  /** Takes the memory that the driver gave. Once, at load. */
  init(): void;
  /**
   * Zeroed memory: a multiple of 4096 bytes is page-aligned, anything else comes in 64-byte granules.
   *
   * @param content the default is 'data'.
   * @throws OutOfMemoryError
   */
  alloc(bytes: number, content?: AllocationContent): bigint;
  /** Gives it back; a foreign address is ignored. @throws MemoryManagerError for a shared allocation, which a guest can reach. */
  free(address: bigint): void;
  /** Bytes of an allocation, 0 for a foreign address. */
  size(address: bigint): number;
  /**
   * Marks an allocation as one that views of guests may lead to. `Ept.share` does this for you, and clears the views at the end. May be done
   * more than once.
   *
   * @throws MemoryManagerError unless `address` is what `alloc` gave for whole pages of data that were not freed since.
   */
  share(address: bigint): void;
  /** Undoes one `share`. */
  unshare(address: bigint): void;
  /** How often an allocation is shared now. */
  timesShared(address: bigint): number;
  /** Whether all of these bytes of physical memory belong to one shared allocation. */
  isShared(physical: bigint, bytes: bigint): boolean;
  /** Addresses without memory behind them, for mappings; in whole pages. @throws OutOfMemoryError */
  allocMap(bytes: number): bigint;
  freeMap(address: bigint): void;
  /** Bytes of an allocation of addresses, 0 for a foreign one. */
  sizeMap(address: bigint): number;
  /** @throws MemoryManagerError for 0 and for a page that no descriptor has. */
  virtualToPhysical(address: bigint): bigint;
  /** @throws MemoryManagerError */
  physicalToVirtual(address: bigint): bigint;
  /** @throws MemoryManagerError */
  virtualToAttributes(address: bigint): number;
  /**
   * Adds a page. Earlier pages at its addresses are dropped.
   *
   * @param bytes the size of the page. The default is 4096.
   * @throws MemoryManagerError unless both addresses are page-aligned and non-zero and the attributes non-zero.
   */
  addDescriptor(descriptor: MemoryDescriptor, bytes?: number): void;
  /** Drops the added page that contains an address. Any other address is ignored. */
  removeDescriptor(virtual: bigint): void;
  /** All pages, as runs. */
  descriptors(): MemoryRange[];
  /** The physical memory that is the VMM's own, so that no guest may reach it. */
  ownMemory(): readonly { readonly physical: bigint; readonly bytes: number }[];
}
export const MemoryManager = component<MemoryManager>('bareflank.MemoryManager', 'vmm');
