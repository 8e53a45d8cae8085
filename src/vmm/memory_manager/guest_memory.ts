// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { UniqueMapPtrX64 } from './unique_map_ptr_x64.js';

/** The access for which a guest's memory is mapped. An entry that would fault on it is an error. */
export type GuestAccess = 'user read' | 'user write';

/** Memory of a guest, read and written directly, or mapped into the VMM. Dispose the maps after use. */
export interface GuestMemory {
  /** Maps one page. @throws MemoryManagerError unless the address is that of a page; for the VMM's own memory. */
  mapPage(physical: bigint, attributes?: number): UniqueMapPtrX64;
  /**
   * Maps pieces of physical memory, one after the other. The first may begin, and the last may end, inside a page; else they meet at page
   * boundaries. @throws MemoryManagerError
   */
  mapPhysical(
    pages: readonly { readonly physical: bigint; readonly bytes: number }[],
    attributes?: number,
  ): UniqueMapPtrX64;
  /**
   * Maps guest-virtual memory through the guest's page table.
   *
   * @param cr3 its low 12 bits (PCID, PWT, PCD) do not count.
   * @param pat the guest's IA32_PAT: memory types are taken from it.
   * @param access given if user mode asks, so that it gets only what its page table allows. Without it, only presence is checked.
   * @throws MemoryManagerError for an entry that is not present or does not allow the access, naming address and level; for an address that is
   * not canonical; for the VMM's own memory.
   */
  mapVirtual(virtual: bigint, cr3: bigint, bytes: number, pat: bigint, access?: GuestAccess): UniqueMapPtrX64;
  /** Takes over a map of the map pool that was made by hand. @throws MemoryManagerError */
  adopt(virtual: bigint, bytes: number): UniqueMapPtrX64;
  /** A pointer to nothing, to be filled by `swap` or `reset`. */
  empty(): UniqueMapPtrX64;
  /** The guest-physical address of a guest-virtual one. @throws MemoryManagerError */
  virtualToPhysical(virtual: bigint, cr3: bigint): bigint;
  /**
   * Reads 64 bits of guest-physical memory. Like the other reads and writes of this interface it maps nothing: an exit handler may use them at
   * each exit. @throws MemoryManagerError for the VMM's own memory; VmmPageFault if there is no memory.
   */
  readPhysical64(physical: bigint): bigint;
  /** As `readPhysical64`. */
  writePhysical64(physical: bigint, value: bigint): void;
  /** Copies bytes of guest-physical memory out. @throws as `readPhysical64` does. */
  readPhysical(physical: bigint, bytes: number): Uint8Array;
  /** Copies bytes in. @throws as `readPhysical64` does. */
  writePhysical(physical: bigint, data: Uint8Array): void;
  /**
   * Reads 64 bits of guest-virtual memory through the guest's page table (4 levels), at any alignment.
   *
   * @param access as for `mapVirtual`. @throws as `mapVirtual` does; VmmPageFault if there is no memory.
   */
  readVirtual64(virtual: bigint, cr3: bigint, access?: GuestAccess): bigint;
  /** As `readVirtual64`. */
  writeVirtual64(virtual: bigint, cr3: bigint, value: bigint, access?: GuestAccess): void;
  /** Copies bytes of guest-virtual memory out, across pages too. @throws as `readVirtual64` does, and nothing is read then. */
  readVirtual(virtual: bigint, cr3: bigint, bytes: number, access?: GuestAccess): Uint8Array;
  /** Copies bytes in. @throws as `readVirtual64` does, and nothing is written then. */
  writeVirtual(virtual: bigint, cr3: bigint, data: Uint8Array, access?: GuestAccess): void;
  /** `readPhysical64` as the guest sees it: all ones without memory, and at the VMM's memory. */
  readAsGuest64(physical: bigint): bigint;
  /** The same of some bytes within a page. */
  readAsGuest(physical: bigint, bytes: number): Uint8Array;
  /** `writePhysical` as the guest does it: nothing happens where there is no memory, and where the VMM's is. Within a page. */
  writeAsGuest(physical: bigint, data: Uint8Array): void;
}
export const GuestMemory = component<GuestMemory>('bareflank.GuestMemory', 'vmm');
