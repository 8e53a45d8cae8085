// SPDX-License-Identifier: LGPL-2.1-only
import { MemoryType } from '../../intrinsics/registers/registers.js';
import type { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import type { MemoryManager } from '../memory_manager/memory_manager.js';
import { PageTables } from '../memory_manager/page_tables.js';
import { levelOf, levelShifts, pageAddressMask } from '../../intrinsics/structures/page_levels.js';
import type { PageSize } from '../memory_manager/root_page_table.js';

const access = 7n;
/** The bit of an entry above the last level that maps a page. */
export const largeBit = 1n << 7n;
const anyBit = (1n << 64n) - 1n;
const page4k = 0x1000n;
const page1g = 0x40000000n;
/** As much as one page-directory-pointer table holds: the root has one entry. */
export const mappedBytes = 512n * page1g;

/** The page that maps an address, or the hole that the address lies in. */
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

/** An entry without access is in use too: it says where its page leads once access is given back. */
const eptFormat = { table: access, present: anyBit, large: largeBit };

/** Tables that map nothing. */
export function emptyEpt(manager: MemoryManager, memory: VmmMemory): PageTables {
  return PageTables.make(memory, manager, eptFormat);
}

/** Existing tables. @param root VMM-virtual address of the root table. */
export function eptAt(manager: MemoryManager, memory: VmmMemory, root: bigint): PageTables {
  return new PageTables(memory, manager, eptFormat, root);
}

/** The inputs of the base map. */
export interface EptBase {
  readonly manager: MemoryManager;
  readonly memory: VmmMemory;
  /** The memory type of a page. */
  memoryTypeOf(physical: bigint): number;
}

/** The entry of the base map for a page of some size; undefined if it takes smaller pages, which never happens for 4 KiB. */
export function baseEntry(base: EptBase, page: bigint, bytes: bigint): bigint | undefined {
  const flags = access | (bytes > page4k ? largeBit : 0n);
  const own = base.manager
    .ownMemory()
    .find(({ physical, bytes: size }) => page < physical + BigInt(size) && physical < page + bytes);
  if (own === undefined) return page | flags | BigInt(base.memoryTypeOf(page) << 3);
  const offset = page - own.physical;
  const target = base.memory.unbacked.physical + offset;
  const isInside = offset >= 0n && offset + bytes <= BigInt(own.bytes);
  return isInside && (target & (bytes - 1n)) === 0n ? target | flags | BigInt(MemoryType.Uncacheable << 3) : undefined;
}

/**
 * Builds the base map of 512 GiB in the largest pages that fit. Every address leads to itself, except that the VMM's own memory leads to
 * `VmmMemory.unbacked`. There the guest sees the same as at any address without memory, and its accesses cause no VM exit.
 */
export function buildBaseEpt(base: EptBase): PageTables {
  const tables = emptyEpt(base.manager, base.memory);
  const map = (at: bigint, bytes: bigint): void => {
    const entry = baseEntry(base, at, bytes);
    if (entry !== undefined) tables.map(at, Number(bytes), entry);
    else for (let part = at; part < at + bytes; part += bytes / 512n) map(part, bytes / 512n);
  };
  for (let at = 0n; at < mappedBytes; at += page1g) map(at, page1g);
  return tables;
}

/** The EPT pointer of tables. SDM 3C "Extended-Page-Table Pointer (EPTP)": bits 2:0 memory type, bits 5:3 length of the walk less 1. */
export function eptPointer(manager: MemoryManager, tables: PageTables): bigint {
  return pointerTo(manager, tables.root);
}

/** The same, by the VMM-virtual address of the root table. */
export function pointerTo(manager: MemoryManager, root: bigint): bigint {
  return manager.virtualToPhysical(root) | BigInt(MemoryType.WriteBack) | (3n << 3n);
}

/** The page or hole of an address in tables. */
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

/** The size of a page in the interfaces' type. */
export function pageSizeOf(leaf: EptLeaf): PageSize {
  return Number(leaf.bytes) as PageSize;
}
