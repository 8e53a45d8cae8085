// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { MemoryAttribute, MemoryDescriptorType, X64 } from '../../intrinsics/constants.js';
import { Processor } from '../../intrinsics/processor.js';
import { VmmMemory } from '../../intrinsics/vmm_memory.js';
import { MemoryManagerError } from '../errors.js';
import { hex } from '../support/text.js';
import { MemoryManager, type MemoryDescriptor, type MemoryRange } from './memory_manager.js';
import { leafEntry, PageTableEntryBit } from './page_table_entry_x64.js';
import { PageTables } from './page_tables.js';
import type { PageSize, RootPageTable } from './root_page_table.js';

// PWT and PCD choose PAT entry 3, write-back in the VMM's PAT, for the walk itself; bits 1:0 are ignored, and 1.1.0 sets them.
const cr3Bits = 0x1bn;
const largePage = 0x200000n;

/** The VMM's page table, in memory from the page pool. */
@injectable()
export class RootPageTableX64 implements RootPageTable {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(Processor) protected readonly processor!: Processor;
  private tables!: PageTables;

  init(): void {
    this.tables = new PageTables(this.memory, this.manager, {
      table: PageTableEntryBit.present | PageTableEntryBit.rw,
      present: PageTableEntryBit.present,
      large: PageTableEntryBit.ps,
    });
    for (const range of this.manager.descriptors()) this.mapRange(range, attributesOf(range));
    this.memory.useRootTable(this.cr3);
  }

  /** The tables go away with the VMM; the next one starts from the driver's map. */
  [Symbol.dispose](): void {
    this.memory.useRootTable(0n);
  }

  get cr3(): bigint {
    return this.manager.virtualToPhysical(this.tables.root) | cr3Bits;
  }

  map1g(virtual: bigint, physical: bigint, attributes: number): void {
    this.tables.map(virtual, 0x40000000, leafEntry(physical, attributes, true));
  }

  map2m(virtual: bigint, physical: bigint, attributes: number): void {
    this.tables.map(virtual, 0x200000, leafEntry(physical, attributes, true));
  }

  map4k(virtual: bigint, physical: bigint, attributes: number): void {
    this.tables.map(virtual, 0x1000, leafEntry(physical, attributes, false));
  }

  setupIdentityMap(start: bigint, end: bigint, size: PageSize): void {
    if (start % BigInt(size) !== 0n || end % BigInt(size) !== 0n) {
      throw new MemoryManagerError(
        `identity map ${hex(start)} … ${hex(end)} is not aligned to its pages of ${hex(size)} bytes`,
      );
    }
    for (let at = start; at < end; at += BigInt(size)) {
      this.tables.map(at, size, leafEntry(at, MemoryAttribute.ptWb, size !== X64.pageSize));
    }
  }

  unmap(virtual: bigint): void {
    this.tables.unmap(virtual);
    this.processor.invlpg(virtual);
  }

  virtualToEntry(virtual: bigint): { readonly entry: bigint; readonly size: PageSize } {
    const { entry, place } = this.tables.find(virtual);
    return { entry, size: place.level === 1 ? 0x40000000 : place.level === 2 ? 0x200000 : 0x1000 };
  }

  tablesToDescriptors(): MemoryDescriptor[] {
    const attributes = MemoryDescriptorType.MEMORY_TYPE_R | MemoryDescriptorType.MEMORY_TYPE_W;
    return this.tables.pages().map((page) => ({ ...page, attributes }));
  }

  private mapRange(range: MemoryRange, attributes: number): void {
    const end = range.virtual + BigInt(range.bytes);
    for (let virtual = range.virtual, physical = range.physical; virtual < end;) {
      const isLarge = ((virtual | physical) & (largePage - 1n)) === 0n && end - virtual >= largePage;
      if (isLarge) this.map2m(virtual, physical, attributes);
      else this.map4k(virtual, physical, attributes);
      virtual += isLarge ? largePage : BigInt(X64.pageSize);
      physical += isLarge ? largePage : BigInt(X64.pageSize);
    }
  }
}

function attributesOf(range: MemoryRange): number {
  const { MEMORY_TYPE_R, MEMORY_TYPE_W, MEMORY_TYPE_E } = MemoryDescriptorType;
  if (range.attributes === (MEMORY_TYPE_R | MEMORY_TYPE_W)) return MemoryAttribute.rwWb;
  if (range.attributes === (MEMORY_TYPE_R | MEMORY_TYPE_E)) return MemoryAttribute.reWb;
  throw new MemoryManagerError(
    `descriptor ${hex(range.virtual)} of the driver has type ${hex(range.attributes)}; wanted read and write (3) or read and execute (5)`,
  );
}
