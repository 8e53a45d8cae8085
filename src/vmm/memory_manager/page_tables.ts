// SPDX-License-Identifier: LGPL-2.1-only
import { X64 } from '../../intrinsics/registers/paging.js';
import type { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { MemoryManagerError } from '../errors.js';
import { hex } from '../support/text.js';
import type { MemoryManager } from './memory_manager.js';
import { indexAt, levelOf, levelShifts, pageAddressMask } from '../../intrinsics/structures/page_levels.js';

/** How a kind of tables (paging, EPT) marks its entries. */
export interface EntryFormat {
  /** The bits of an entry that points to a table. */
  readonly table: bigint;
  /** Any of these bits: the entry is in use. */
  readonly present: bigint;
  /** The bit that makes an entry above the last level map a page. */
  readonly large: bigint;
}

/** The place of an entry. */
export interface EntryPlace {
  /** VMM-virtual address of the entry. */
  readonly address: bigint;
  readonly level: number;
}

/** An entry that maps a page. */
export interface PageLeaf {
  readonly entry: bigint;
  /** Address of the page's first byte. */
  readonly start: bigint;
  readonly bytes: bigint;
}

/** Four levels of tables in the VMM's memory. Paging and EPT differ in their entries only. */
export class PageTables {
  private recent = { level: -1, region: 0n, table: 0n };

  constructor(
    private readonly memory: VmmMemory,
    private readonly manager: MemoryManager,
    private readonly format: EntryFormat,
    /** VMM-virtual address of the root table. */
    readonly root: bigint,
  ) {}

  /** Tables that map nothing. @throws OutOfMemoryError */
  static make(memory: VmmMemory, manager: MemoryManager, format: EntryFormat): PageTables {
    return new PageTables(memory, manager, format, manager.alloc(X64.pageSize, 'structure'));
  }

  /** Stores the entry of a page, making the tables above it; tables of smaller pages that it replaces are given back. */
  map(address: bigint, bytes: number, entry: bigint): void {
    const last = levelOf(bytes);
    const place = entryAddress(this.tableFor(address, last), address, last);
    this.releaseBelow(this.memory.read64(place), last);
    this.memory.write64(place, entry);
  }

  /** The table of a level that an address belongs to; neighbours come one after the other, so the last one is remembered. */
  private tableFor(address: bigint, last: number): bigint {
    const region = address >> (levelShifts[last]! + 9n);
    if (this.recent.level === last && this.recent.region === region) return this.recent.table;
    let table = this.root;
    for (let level = 0; level < last; level++) table = this.tableBelow(table, address, level);
    this.recent = { level: last, region, table };
    return table;
  }

  /** Clears the entry of a page and gives back tables that became empty. */
  unmap(address: bigint): void {
    const path = this.path(address);
    const leaf = path[path.length - 1]!;
    if (!this.isPresent(this.memory.read64(leaf.address))) return;
    this.memory.write64(leaf.address, 0n);
    this.recent = { level: -1, region: 0n, table: 0n };
    for (let at = path.length - 1; at > 0 && this.isEmpty(tableOf(path[at]!)); at--) {
      this.memory.write64(path[at - 1]!.address, 0n);
      this.manager.free(tableOf(path[at]!));
    }
  }

  /** The entry that maps an address. @throws MemoryManagerError if none does. */
  find(address: bigint): { readonly entry: bigint; readonly place: EntryPlace } {
    const path = this.path(address);
    const place = path[path.length - 1]!;
    const entry = this.memory.read64(place.address);
    if (!this.isPresent(entry)) throw new MemoryManagerError(`${hex(address)} is not mapped`);
    return { entry, place };
  }

  /** The entry where the walk of an address ends: that of its page, or the absent one (0), whose level says how much is not mapped. */
  lookup(address: bigint): { readonly entry: bigint; readonly place: EntryPlace } {
    const path = this.path(address);
    const place = path[path.length - 1]!;
    return { entry: this.memory.read64(place.address), place };
  }

  /**
   * The place of the entry of an address at a level, 3 for pages of 4 KiB; larger pages on the way are split into smaller ones that map the
   * same. @throws MemoryManagerError
   */
  split(address: bigint, level = 3): EntryPlace {
    for (;;) {
      const { place } = this.lookup(address);
      // An entry of the wanted level may be absent: the caller is about to fill it.
      if (place.level >= level) return place;
      const { entry } = this.find(address);
      this.memory.write64(place.address, this.splitTable(entry, place.level) | this.format.table);
    }
  }

  /**
   * The opposite of `split`: the pages of the smallest table on an address's way become one page, if they map what that would. The table is given
   * back, so cached translations that lead through it must go.
   *
   * @param entry of the larger page. @returns whether the pages were joined
   */
  join(address: bigint, entry: bigint): boolean {
    const path = this.path(address);
    const [above, last] = path.slice(-2);
    if (above === undefined || last === undefined || !this.isSplitOf(tableOf(last), entry, above.level)) return false;
    this.memory.write64(above.address, entry);
    this.manager.free(tableOf(last));
    this.recent = { level: -1, region: 0n, table: 0n };
    return true;
  }

  /** The entries that map pages, in the order of their addresses. Do not change the tables meanwhile. */
  leaves(): Generator<PageLeaf> {
    return this.leavesBelow(this.root, 0n, 0);
  }

  /** Where the tables themselves are, root first. */
  pages(): { readonly virtual: bigint; readonly physical: bigint }[] {
    return this.pagesBelow(this.root, 0);
  }

  private *leavesBelow(table: bigint, from: bigint, level: number): Generator<PageLeaf> {
    const bytes = 1n << levelShifts[level]!;
    for (let index = 0n; index < 512n; index++) {
      const entry = this.memory.read64(table + index * 8n);
      const start = from + index * bytes;
      if (!this.isPresent(entry)) continue;
      if (this.isLeaf(entry, level)) yield { entry, start, bytes };
      else yield* this.leavesBelow(this.manager.physicalToVirtual(entry & pageAddressMask), start, level + 1);
    }
  }

  private pagesBelow(table: bigint, level: number): { readonly virtual: bigint; readonly physical: bigint }[] {
    const result = [{ virtual: table, physical: this.manager.virtualToPhysical(table) }];
    for (let index = 0; level < 3 && index < 512; index++) {
      const entry = this.memory.read64(table + BigInt(index * 8));
      if (!this.isPresent(entry) || this.isLeaf(entry, level)) continue;
      result.push(...this.pagesBelow(this.manager.physicalToVirtual(entry & pageAddressMask), level + 1));
    }
    return result;
  }

  /** Gives back the tables below an entry that is about to be replaced. */
  private releaseBelow(entry: bigint, level: number): void {
    if (!this.isPresent(entry) || this.isLeaf(entry, level)) return;
    for (const { virtual } of this.pagesBelow(this.manager.physicalToVirtual(entry & pageAddressMask), level + 1)) {
      this.manager.free(virtual);
    }
    this.recent = { level: -1, region: 0n, table: 0n };
  }

  /** A table of 512 entries that map what one larger page maps. @returns its physical address. */
  private splitTable(entry: bigint, level: number): bigint {
    const table = this.manager.alloc(X64.pageSize, 'structure');
    for (let index = 0n; index < 512n; index++)
      this.memory.write64(table + index * 8n, this.partOf(entry, level, index));
    return this.manager.virtualToPhysical(table);
  }

  /** Whether a table is what `splitTable` makes of an entry. */
  private isSplitOf(table: bigint, entry: bigint, level: number): boolean {
    for (let index = 0n; index < 512n; index++)
      if (this.memory.read64(table + index * 8n) !== this.partOf(entry, level, index)) return false;
    return true;
  }

  /** The entry of one of 512 smaller pages that map what a larger one maps. */
  private partOf(entry: bigint, level: number, index: bigint): bigint {
    // The last level has no large-page bit (in paging it is PAT's there: EPT only is split).
    const first = level === 2 ? entry & ~this.format.large : entry;
    return first + (index << levelShifts[level + 1]!);
  }

  /** The entries from the root down to the one that maps the address, or that is absent. */
  private path(address: bigint): EntryPlace[] {
    const path: EntryPlace[] = [];
    let table = this.root;
    for (let level = 0; ; level++) {
      const place = { address: entryAddress(table, address, level), level };
      path.push(place);
      const entry = this.memory.read64(place.address);
      if (!this.isPresent(entry) || this.isLeaf(entry, level)) return path;
      table = this.manager.physicalToVirtual(entry & pageAddressMask);
    }
  }

  private tableBelow(table: bigint, address: bigint, level: number): bigint {
    const place = entryAddress(table, address, level);
    const entry = this.memory.read64(place);
    if (!this.isPresent(entry)) {
      const made = this.manager.alloc(X64.pageSize, 'structure');
      this.memory.write64(place, this.manager.virtualToPhysical(made) | this.format.table);
      return made;
    }
    if (this.isLeaf(entry, level)) {
      throw new MemoryManagerError(`${hex(address)} lies in a larger page that is mapped already: unmap that first`);
    }
    return this.manager.physicalToVirtual(entry & pageAddressMask);
  }

  private isPresent(entry: bigint): boolean {
    return (entry & this.format.present) !== 0n;
  }

  private isLeaf(entry: bigint, level: number): boolean {
    return level === 3 || (entry & this.format.large) !== 0n;
  }

  private isEmpty(table: bigint): boolean {
    return this.memory.readBytes(table, X64.pageSize).every((byte) => byte === 0);
  }
}

function entryAddress(table: bigint, address: bigint, level: number): bigint {
  return table + BigInt(indexAt(address, level) * 8);
}

const tableOf = (place: EntryPlace): bigint => place.address & ~0xfffn;
