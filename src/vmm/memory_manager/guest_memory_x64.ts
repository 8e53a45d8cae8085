// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { MemoryAttribute, X64 } from '../../intrinsics/constants.js';
import { VmmPageFault } from '../../intrinsics/errors.js';
import { Processor } from '../../intrinsics/processor.js';
import { VmmMemory } from '../../intrinsics/vmm_memory.js';
import { MemoryManagerError } from '../errors.js';
import { withRollback } from '../support/rollback.js';
import { hex } from '../support/text.js';
import type { GuestAccess, GuestMemory } from './guest_memory.js';
import { MemoryManager } from './memory_manager.js';
import { PageTableEntryBit, pageAddressMask, patIndex } from './page_table_entry_x64.js';
import { indexAt, levelShifts } from './page_walk.js';
import { RootPageTable } from './root_page_table.js';
import { UniqueMapPtrX64 } from './unique_map_ptr_x64.js';

const pageMask = 0xfffn;
/** What a bus that nobody drives reads as. */
const openBus = 0xffff_ffff_ffff_ffffn;
const levelNames = ['PML4', 'page-directory-pointer table', 'page directory', 'page table'] as const;

/** A page that a walk found. */
export interface WalkedPage {
  /** Of the byte that was asked for. */
  readonly physical: bigint;
  readonly patIndex: number;
}

interface PhysicalPage {
  readonly physical: bigint;
  readonly attributes: number;
}

/** Maps pages of guests into the map pool. Guest-physical is physical: the base map of `Ept` is the identity. */
@injectable()
export class GuestMemoryX64 implements GuestMemory {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(RootPageTable) protected readonly rootPageTable!: RootPageTable;
  @inject(VmmMemory) readonly memory!: VmmMemory;
  @inject(Processor) protected readonly processor!: Processor;

  mapPage(physical: bigint, attributes: number = MemoryAttribute.rwWb): UniqueMapPtrX64 {
    if ((physical & pageMask) !== 0n) throw new MemoryManagerError(`${hex(physical)} is no address of a page`);
    return this.map([{ physical, attributes }], 0n, X64.pageSize);
  }

  mapPhysical(
    pages: readonly { readonly physical: bigint; readonly bytes: number }[],
    attributes: number = MemoryAttribute.rwWb,
  ): UniqueMapPtrX64 {
    const [first] = pages;
    if (first === undefined) throw new MemoryManagerError('a map of no memory');
    checkPieces(pages);
    const list = pages.flatMap(({ physical, bytes }) => this.pagesOf(physical, bytes, attributes));
    const size = pages.reduce((sum, { bytes }) => sum + bytes, 0);
    return this.map(list, first.physical & pageMask, size);
  }

  mapVirtual(virtual: bigint, cr3: bigint, bytes: number, pat: bigint, access?: GuestAccess): UniqueMapPtrX64 {
    if (virtual === 0n || bytes <= 0)
      throw new MemoryManagerError(`a map of ${bytes} bytes at guest-virtual ${hex(virtual)}`);
    checkCanonical(virtual);
    checkCanonical(virtual + BigInt(bytes - 1));
    const list: PhysicalPage[] = [];
    for (let at = virtual & ~pageMask; at < virtual + BigInt(bytes); at += BigInt(X64.pageSize)) {
      const page = this.walk(at, cr3, access);
      const memoryType = Number((pat >> BigInt(8 * page.patIndex)) & 7n);
      list.push({ physical: page.physical & ~pageMask, attributes: MemoryAttribute.rw | memoryType });
    }
    return this.map(list, virtual & pageMask, bytes);
  }

  adopt(virtual: bigint, bytes: number): UniqueMapPtrX64 {
    const base = virtual & ~pageMask;
    if (virtual === 0n || this.manager.sizeMap(base) < Number(virtual & pageMask) + bytes) {
      throw new MemoryManagerError(`${hex(virtual)} is no map of ${bytes} bytes that could be adopted`);
    }
    return new UniqueMapPtrX64(this, { base, mappedBytes: this.manager.sizeMap(base), address: virtual, size: bytes });
  }

  empty(): UniqueMapPtrX64 {
    return new UniqueMapPtrX64(this);
  }

  virtualToPhysical(virtual: bigint, cr3: bigint): bigint {
    checkCanonical(virtual);
    return this.walk(virtual, cr3).physical;
  }

  readPhysical64(physical: bigint): bigint {
    const map = this.mapPhysical([{ physical: physical & ~pageMask, bytes: X64.pageSize }]);
    try {
      return map.read64(Number(physical & pageMask));
    } finally {
      map.release();
    }
  }

  readAsGuest64(physical: bigint): bigint {
    if (this.isOwnMemory(physical)) return openBus;
    try {
      return this.readPhysical64(physical);
    } catch (error) {
      if (error instanceof VmmPageFault) return openBus;
      throw error;
    }
  }

  /** For maps. */
  unmap(virtual: bigint, bytes: number): void {
    for (let at = 0; at < bytes; at += X64.pageSize) this.rootPageTable.unmap(virtual + BigInt(at));
    this.manager.freeMap(virtual);
  }

  /** For maps. */
  flushPage(address: bigint): void {
    this.processor.invlpg(address);
  }

  /** For maps. */
  flushLine(address: bigint): void {
    this.processor.clflush(address);
  }

  /** Walks the guest's table; the VMM maps one table after the other to read it. SDM 3A "4-Level Paging and 5-Level Paging". */
  protected walk(virtual: bigint, cr3: bigint, access?: GuestAccess): WalkedPage {
    let table = cr3 & pageAddressMask;
    for (let level = 0; ; level++) {
      const entry = this.readPhysical64(table + BigInt(8 * indexAt(virtual, level)));
      const what = missing(entry, access);
      if (what !== undefined) {
        throw new MemoryManagerError(
          `guest-virtual ${hex(virtual)} is ${what}: its entry in the ${levelNames[level]} at ${hex(table)} is ${hex(entry)}`,
        );
      }
      const isLarge = level > 0 && level < 3 && (entry & PageTableEntryBit.ps) !== 0n;
      if (level === 3 || isLarge) {
        const offset = virtual & ((1n << levelShifts[level]!) - 1n);
        const base = entry & pageAddressMask & ~((1n << levelShifts[level]!) - 1n);
        return { physical: base | offset, patIndex: patIndex(entry, isLarge) };
      }
      table = entry & pageAddressMask;
    }
  }

  private pagesOf(physical: bigint, bytes: number, attributes: number): PhysicalPage[] {
    const list: PhysicalPage[] = [];
    for (let at = physical & ~pageMask; at < physical + BigInt(bytes); at += BigInt(X64.pageSize)) {
      list.push({ physical: at, attributes });
    }
    return list;
  }

  private map(pages: readonly PhysicalPage[], offset: bigint, size: number): UniqueMapPtrX64 {
    for (const { physical } of pages) this.refuseOwnMemory(physical);
    const bytes = pages.length * X64.pageSize;
    return withRollback((rollback) => {
      const base = this.manager.allocMap(bytes);
      rollback.onFailure(() => this.unmap(base, bytes));
      pages.forEach(({ physical, attributes }, index) => {
        const virtual = base + BigInt(index * X64.pageSize);
        this.rootPageTable.map4k(virtual, physical, attributes);
      });
      return new UniqueMapPtrX64(this, { base, mappedBytes: bytes, address: base + offset, size });
    });
  }

  private refuseOwnMemory(physical: bigint): void {
    if (!this.isOwnMemory(physical)) return;
    throw new MemoryManagerError(`physical page ${hex(physical)} is the VMM's own; a guest cannot name it`);
  }

  private isOwnMemory(physical: bigint): boolean {
    return this.manager
      .ownMemory()
      .some((own) => physical >= own.physical && physical < own.physical + BigInt(own.bytes));
  }
}

/** What keeps an entry from being used. SDM 3A "Determination of Access Rights": each level must allow it. */
function missing(entry: bigint, access: GuestAccess | undefined): string | undefined {
  if ((entry & PageTableEntryBit.present) === 0n) return 'not mapped';
  if (access !== undefined && (entry & PageTableEntryBit.us) === 0n) return 'not for user mode';
  return access === 'user write' && (entry & PageTableEntryBit.rw) === 0n ? 'read-only' : undefined;
}

/** The bytes of the pieces follow each other in the map: only the first may begin, and only the last may end, inside a page. */
function checkPieces(pages: readonly { readonly physical: bigint; readonly bytes: number }[]): void {
  pages.forEach(({ physical, bytes }, index) => {
    const begins = index === 0 || (physical & pageMask) === 0n;
    const ends = index === pages.length - 1 || ((physical + BigInt(bytes)) & pageMask) === 0n;
    if (bytes > 0 && begins && ends) return;
    throw new MemoryManagerError(
      `piece ${index} of a map, ${bytes} bytes at ${hex(physical)}, leaves a gap: pieces must meet at page boundaries`,
    );
  });
}

function checkCanonical(virtual: bigint): void {
  if (virtual > 0x7fff_ffff_ffffn && (virtual < 0xffff_8000_0000_0000n || virtual >= 1n << 64n)) {
    throw new MemoryManagerError(`guest-virtual ${hex(virtual)} is not canonical: no page table translates it`);
  }
}
