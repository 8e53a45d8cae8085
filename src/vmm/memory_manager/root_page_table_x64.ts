// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { MemoryAttribute, MemoryDescriptorType } from './memory_attributes.js';
import { X64 } from '../../intrinsics/registers/paging.js';
import { Processor } from '../../intrinsics/instructions/processor.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { MemoryManagerError } from '../errors.js';
import { derived, state, type Attachable } from '../state/state.js';
import { hex } from '../support/text.js';
import { MemoryManager, type MemoryDescriptor, type MemoryRange } from './memory_manager.js';
import { leafEntry, PageTableEntryBit, PageTableEntryX64 } from './page_table_entry_x64.js';
import { PageTables } from './page_tables.js';
import type { PageSize, RootPageTable } from './root_page_table.js';

// PWT and PCD choose PAT entry 3, write-back in the VMM's PAT, for the walk itself; bits 1:0 are ignored, and 1.1.0 sets them.
const cr3Bits = 0x1bn;
const largePage = 0x200000n;

const format = {
  table: PageTableEntryBit.present | PageTableEntryBit.rw,
  present: PageTableEntryBit.present,
  large: PageTableEntryBit.ps,
};

/** The VMM's page table, in memory from the page pool. */
@injectable()
export class RootPageTableX64 implements RootPageTable, Attachable {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(Processor) protected readonly processor!: Processor;
  /** VMM-virtual address of the root table; 0: not made yet. */
  @state() private root = 0n;
  @derived() private tables!: PageTables;

  attach(): void {
    if (this.root !== 0n) this.tables = new PageTables(this.memory, this.manager, format, this.root);
  }

  init(): void {
    this.root = PageTables.make(this.memory, this.manager, format).root;
    this.attach();
    for (const range of this.manager.descriptors()) this.mapRange(range, attributesOf(range));
    this.memory.useRootTable(this.cr3);
  }

  /** The tables end with the VMM. The next VMM starts from the driver's map. */
  [Symbol.dispose](): void {
    this.memory.useRootTable(0n);
  }

  get cr3(): bigint {
    return this.manager.virtualToPhysical(this.tables.root) | cr3Bits;
  }

  map1g(virtual: bigint, physical: bigint, attributes: number): void {
    this.mapPage(virtual, physical, attributes, 0x40000000);
  }

  map2m(virtual: bigint, physical: bigint, attributes: number): void {
    this.mapPage(virtual, physical, attributes, 0x200000);
  }

  map4k(virtual: bigint, physical: bigint, attributes: number): void {
    this.mapPage(virtual, physical, attributes, X64.pageSize);
  }

  mapAlias(virtual: bigint, physical: bigint, attributes: number, size: PageSize): void {
    if (((virtual | physical) & BigInt(size - 1)) !== 0n) {
      throw new MemoryManagerError(
        `map of ${hex(physical)} at ${hex(virtual)}: both must be aligned to the page of ${hex(size)} bytes`,
      );
    }
    this.tables.map(virtual, size, leafEntry(physical, attributes, size !== X64.pageSize));
  }

  setupIdentityMap1g(start: bigint, end: bigint): void {
    this.mapIdentity(start, end, 0x40000000);
  }

  setupIdentityMap2m(start: bigint, end: bigint): void {
    this.mapIdentity(start, end, 0x200000);
  }

  setupIdentityMap4k(start: bigint, end: bigint): void {
    this.mapIdentity(start, end, X64.pageSize);
  }

  unmap(virtual: bigint): void {
    this.tables.unmap(virtual);
    this.manager.removeDescriptor(virtual);
    this.processor.invlpg(virtual);
  }

  virtualToPte(virtual: bigint): PageTableEntryX64 {
    const { place } = this.tables.find(virtual);
    return new PageTableEntryX64(this.memory, place.address, sizeAt(place.level));
  }

  virtualToEntry(virtual: bigint): { readonly entry: bigint; readonly size: PageSize } {
    const { entry, place } = this.tables.find(virtual);
    return { entry, size: sizeAt(place.level) };
  }

  tablesToDescriptors(): MemoryDescriptor[] {
    const attributes = MemoryDescriptorType.MEMORY_TYPE_R | MemoryDescriptorType.MEMORY_TYPE_W;
    return this.tables.pages().map((page) => ({ ...page, attributes }));
  }

  private mapPage(virtual: bigint, physical: bigint, attributes: number, size: PageSize): void {
    this.mapAlias(virtual, physical, attributes, size);
    if (virtual !== 0n && physical !== 0n) this.manager.addDescriptor({ virtual, physical, attributes }, size);
  }

  private mapIdentity(start: bigint, end: bigint, size: PageSize): void {
    if (start % BigInt(size) !== 0n || end % BigInt(size) !== 0n) {
      throw new MemoryManagerError(
        `identity map ${hex(start)} … ${hex(end)} is not aligned to its pages of ${hex(size)} bytes`,
      );
    }
    for (let at = start; at < end; at += BigInt(size)) this.mapPage(at, at, MemoryAttribute.ptWb, size);
  }

  /** Maps the run of a descriptor, in the largest pages that fit. */
  private mapRange(range: MemoryRange, attributes: number): void {
    const end = range.virtual + BigInt(range.bytes);
    for (let virtual = range.virtual, physical = range.physical; virtual < end;) {
      const isLarge = ((virtual | physical) & (largePage - 1n)) === 0n && end - virtual >= largePage;
      const size = isLarge ? 0x200000 : X64.pageSize;
      this.tables.map(virtual, size, leafEntry(physical, attributes, isLarge));
      virtual += BigInt(size);
      physical += BigInt(size);
    }
  }
}

const sizeAt = (level: number): PageSize => (level === 1 ? 0x40000000 : level === 2 ? 0x200000 : 0x1000);

function attributesOf(range: MemoryRange): number {
  const { MEMORY_TYPE_R, MEMORY_TYPE_W, MEMORY_TYPE_E } = MemoryDescriptorType;
  if (range.attributes === (MEMORY_TYPE_R | MEMORY_TYPE_W)) return MemoryAttribute.rwWb;
  if (range.attributes === (MEMORY_TYPE_R | MEMORY_TYPE_E)) return MemoryAttribute.reWb;
  throw new MemoryManagerError(
    `descriptor ${hex(range.virtual)} of the driver has type ${hex(range.attributes)}; wanted read and write (3) or read and execute (5)`,
  );
}
