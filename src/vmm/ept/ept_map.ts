// SPDX-License-Identifier: LGPL-2.1-only
import { MemoryType } from '../../intrinsics/registers.js';
import type { VmmMemory } from '../../intrinsics/vmm_memory.js';
import type { MemoryManager } from '../memory_manager/memory_manager.js';
import { pageAddressMask } from '../memory_manager/page_table_entry_x64.js';
import { PageTables } from '../memory_manager/page_tables.js';
import { levelOf, levelShifts } from '../memory_manager/page_walk.js';
import type { PageSize } from '../memory_manager/root_page_table.js';

const access = 7n;
/** The bit of an entry above the last level that maps a page. */
export const largeBit = 1n << 7n;
const anyBit = (1n << 64n) - 1n;
const page2m = 0x200000n;
const page1g = 0x40000000n;
/** As much as one page-directory-pointer table holds: the root has one entry. */
export const mappedBytes = 512n * page1g;

/** Gives the memory type of a page of the map. */
export type MemoryTypeOf = (physical: bigint) => number;

/** What maps an address, or the size of the hole that it lies in. */
export interface EptLeaf {
  /** 0: nothing. */
  readonly entry: bigint;
  /** Where the page, or the hole, begins. */
  readonly start: bigint;
  readonly bytes: bigint;
}

/** Whether a range of physical memory overlaps the VMM's own. */
export function isOwnMemory(manager: MemoryManager, start: bigint, bytes: bigint): boolean {
  return manager.ownMemory().some((own) => start < own.physical + BigInt(own.bytes) && own.physical < start + bytes);
}

/** Tables that map nothing. An entry without access is in use as well: it says where its page leads when access is given back. */
export function emptyEpt(manager: MemoryManager, memory: VmmMemory): PageTables {
  return new PageTables(memory, manager, { table: access, present: anyBit, large: largeBit });
}

/** Builds the identity map of 512 GiB, in the largest pages that leave the VMM's own memory out. */
export function buildIdentityEpt(manager: MemoryManager, memory: VmmMemory, memoryTypeOf: MemoryTypeOf): PageTables {
  const tables = emptyEpt(manager, memory);
  const own = manager.ownMemory();
  const overlaps = (start: bigint, bytes: bigint): boolean =>
    own.some((each) => start < each.physical + BigInt(each.bytes) && each.physical < start + bytes);
  const map = (at: bigint, bytes: bigint): void =>
    tables.map(at, Number(bytes), at | access | largeBit | BigInt(memoryTypeOf(at) << 3));
  for (let at = 0n; at < mappedBytes; at += page1g) {
    if (!overlaps(at, page1g)) map(at, page1g);
    else for (let part = at; part < at + page1g; part += page2m) if (!overlaps(part, page2m)) map(part, page2m);
  }
  return tables;
}

/** The EPT pointer of tables. SDM 3C "Extended-Page-Table Pointer (EPTP)": bits 2:0 memory type, bits 5:3 length of the walk less 1. */
export function eptPointer(manager: MemoryManager, tables: PageTables): bigint {
  return manager.virtualToPhysical(tables.root) | BigInt(MemoryType.WriteBack) | (3n << 3n);
}

/** What maps an address in tables. */
export function leafAt(tables: PageTables, address: bigint): EptLeaf {
  const { entry, place } = tables.lookup(address);
  const bytes = 1n << levelShifts[place.level]!;
  return { entry, start: address & ~(bytes - 1n), bytes };
}

/** Stores the entry of a page, splitting a larger one that it is part of; 0 unmaps it. */
export function putPage(tables: PageTables, address: bigint, bytes: bigint, entry: bigint): void {
  const level = levelOf(Number(bytes));
  const old = tables.lookup(address);
  if (old.entry !== 0n && old.place.level < level) tables.split(address, level);
  if (entry !== 0n || tables.lookup(address).place.level >= level) tables.map(address, Number(bytes), entry);
}

/** How far a page leads away from itself: 0 in an identity map. */
export function redirectionOf(leaf: EptLeaf): bigint {
  return (leaf.entry & pageAddressMask & ~(leaf.bytes - 1n)) - leaf.start;
}

/** The size of a page as the interfaces have it. */
export function pageSizeOf(leaf: EptLeaf): PageSize {
  return Number(leaf.bytes) as PageSize;
}
