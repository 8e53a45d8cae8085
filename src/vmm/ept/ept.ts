// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { MemoryDescriptor } from '../memory_manager/memory_manager.js';
import type { PageSize } from '../memory_manager/root_page_table.js';
import type { RequestReleaser } from '../requests/owned_request.js';
import type { Request, Requester } from '../requests/request.js';
import type { VmcsByEncoding } from '../vmcs_fields/vmcs_by_encoding.js';

/** What an EPT entry permits, to be ORed. */
export const EptAccess = { Read: 1, Write: 2, Execute: 4, All: 7 } as const;

/** What `Ept` needs from a vCPU's VMCS, which must be the current one. */
export interface EptVmcs extends Pick<VmcsByEncoding, 'write' | 'enable' | 'disable' | 'isEnabled' | 'asOwner'> {
  /** The id of its vCPU. */
  readonly vcpuid: bigint;
}

/** The entry that maps a page of a view. */
export interface EptEntry {
  /** Bytes that the entry maps. */
  readonly size: PageSize;
  /**
   * All 64 bits; 0: nothing is mapped any more. SDM 3C "Format of EPT Paging-Structure Entries". Reading and writing throws VmcsError if the
   * page was split, joined or unmapped since. Writing also throws if the entry would lead to memory that no view may lead to.
   */
  value: bigint;
}

/**
 * A named view of guest-physical memory, derived from the base map. It may remove accesses or redirect pages, but never add memory that the base
 * excludes. A page may also lead to memory of the VMM that `Ept.share` released. Larger pages are split where a smaller part differs. Changes take
 * effect at once on the processor that makes them.
 */
export interface EptView {
  /** Unique among the views of the VMM. */
  readonly id: number;
  readonly name: string;
  /** The EPT pointer. */
  readonly pointer: bigint;
  /**
   * Permits only `access` (of `EptAccess`) to the 4-KiB page of an address.
   *
   * @throws VmcsError for write without read, for execute alone if the processor lacks that, for a page that the base excludes or the view
   * does not map, or that leads to memory that no view may lead to.
   */
  restrict(guestPhysical: bigint, access: number): void;
  /**
   * Lets the 4-KiB page lead to another one.
   *
   * @throws VmcsError if the base excludes either, unless `Ept.share` released the other one; or if another view that a vCPU uses as well
   * disagrees.
   */
  redirect(guestPhysical: bigint, physical: bigint): void;
  /**
   * Restores the base map's entry. In a view that began as the base map, the larger page that the entry was split out of comes back once all of it is
   * restored. @throws VmcsError beyond 512 GiB.
   */
  restore(guestPhysical: bigint): void;
  /**
   * Maps one page. It replaces the overlapping parts of earlier pages, larger or smaller.
   *
   * @param access of `EptAccess`; 0 makes each access exit.
   * @param memoryType of `MemoryType`. The default is the base's.
   * @throws VmcsError for addresses that are not aligned to `size`, and as `restrict` and `redirect` do.
   */
  map(guestPhysical: bigint, physical: bigint, size: PageSize, access: number, memoryType?: number): void;
  /** Unmaps the page that maps an address, whatever its size. Does nothing if none does. */
  unmap(guestPhysical: bigint): void;
  /** Unmaps all from `start` up to, not including, `end`; both aligned to 4 KiB. */
  unmapRange(start: bigint, end: bigint): void;
  /** @throws VmcsError if nothing maps the address. */
  entry(guestPhysical: bigint): EptEntry;
  /** The memory descriptors of the tables themselves, root first. */
  tablesToDescriptors(): MemoryDescriptor[];
}

/**
 * Guest-physical memory. SDM 3C "The Extended Page Table Mechanism (EPT)". The base map is the identity, except
 * at the VMM's own memory: there the guest sees `VmmMemory.unbacked`. A vCPU that entered several views sees what all of them permit.
 */
export interface Ept extends Pick<RequestReleaser, 'releaseOf'> {
  /** Whether the processor can walk the tables that this component builds. */
  isSupported(): boolean;
  /** The EPT pointer of the base map, which is built at the first call. */
  pointer(): bigint;
  /** Whether any of these bytes is the VMM's own memory, to which the base map does not lead, or lies above 512 GiB. */
  excludes(physical: bigint, bytes: bigint): boolean;
  /**
   * Releases an allocation to guests: until the request is disposed, views may lead their pages to it. Afterwards the pages that still lead there get
   * the base map's entry, or, in a view that began with nothing, are unmapped. A shared allocation cannot be freed.
   *
   * @param page VMM-virtual address that `MemoryManager.alloc` gave for one or more whole pages.
   * @throws MemoryManagerError for an address that is not such an allocation or was freed, and for a structure that the processor or the VMM relies on (page
   * tables, VMCSs, bitmaps …).
   */
  share(by: Requester, page: bigint): Request;
  /**
   * The view of a name, made at the first call. Name it after its extension: the same name gives the same view.
   *
   * @param begin what it maps at first: the base map, or nothing. @throws VmcsError if the view of that name began otherwise.
   */
  view(name: string, begin?: 'base' | 'nothing'): EptView;
  /** The view with an EPT pointer, if one has it. */
  viewOf(pointer: bigint): EptView | undefined;
  /** Turns EPT on for a vCPU, with the base map or the views that it has entered. */
  use(vmcs: EptVmcs): void;
  /**
   * Makes a vCPU use a view, together with those that others entered, until the request is disposed or the vCPU deleted.
   *
   * @throws VmcsError, naming both, if two views lead one page to different places.
   */
  enter(by: Requester, vmcs: EptVmcs, view: EptView): Request;
  /** The launch of a vCPU ends. The views that it entered hold for its next launch. Until then, changes of views do not affect its processor. */
  stop(vmcs: EptVmcs): void;
  /** For the exit handler, at a VM exit of the reason `PENDING_WORK`: drops translations that are older than the tables, on the executing processor. */
  catchUp(): void;
  /** For the vCPU: this is its VMCS. */
  attachVcpu(vmcs: EptVmcs): void;
  /** For the vCPU, at its end: drops the views that it has entered. */
  forgetVcpu(vmcs: EptVmcs): void;
  /** Turns EPT off for a vCPU. @throws VmcsError while unrestricted guest, which needs EPT, is on, or while views are entered, naming them. */
  disable(vmcs: EptVmcs): void;
}
export const Ept = component<Ept>('bareflank.Ept', 'vmm');
