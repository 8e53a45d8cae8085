// SPDX-License-Identifier: LGPL-2.1-only
import { MemoryType } from '../../intrinsics/registers.js';
import type { VmmMemory } from '../../intrinsics/vmm_memory.js';
import type { MemoryManager } from '../memory_manager/memory_manager.js';
import { PageTables } from '../memory_manager/page_tables.js';

const access = 7n;
const large = 1n << 7n;
const page2m = 0x200000n;
const page1g = 0x40000000n;
// As much as one page-directory-pointer table holds: the root has one entry.
const mappedBytes = 512n * page1g;

/** Gives the memory type of a page of the map. */
export type MemoryTypeOf = (physical: bigint) => number;

/** Whether a range of physical memory overlaps the VMM's own. */
export function isOwnMemory(manager: MemoryManager, start: bigint, bytes: bigint): boolean {
  return manager.ownMemory().some((own) => start < own.physical + BigInt(own.bytes) && own.physical < start + bytes);
}

/** Builds the identity map of 512 GiB, in the largest pages that leave the VMM's own memory out. */
export function buildIdentityEpt(manager: MemoryManager, memory: VmmMemory, memoryTypeOf: MemoryTypeOf): PageTables {
  const tables = new PageTables(memory, manager, { table: access, present: access, large });
  const own = manager.ownMemory();
  const overlaps = (start: bigint, bytes: bigint): boolean =>
    own.some((each) => start < each.physical + BigInt(each.bytes) && each.physical < start + bytes);
  const map = (at: bigint, bytes: bigint): void =>
    tables.map(at, Number(bytes), at | access | large | BigInt(memoryTypeOf(at) << 3));
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
