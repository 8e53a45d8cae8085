// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { Msrs } from '../../intrinsics/msr.js';
import { EptCapability, Msr } from '../../intrinsics/msr_definitions.js';
import { MemoryType } from '../../intrinsics/registers.js';
import { VmmMemory } from '../../intrinsics/vmm_memory.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { PageTables } from '../memory_manager/page_tables.js';
import type { Ept } from './ept.js';

/** Read, write, execute. */
const access = 7n;
const large = 1n << 7n;
const page2m = 0x200000n;
const page1g = 0x40000000n;
// As much as one page-directory-pointer table holds: the root has one entry.
const mappedBytes = 512n * page1g;

/** An identity map of 512 GiB in the largest pages that leave the VMM's own memory out. */
@injectable()
export class EptIntelX64 implements Ept {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(Msrs) protected readonly msrs!: Msrs;
  private tables: PageTables | undefined;
  private own: ReturnType<MemoryManager['ownMemory']> = [];

  isSupported(): boolean {
    const wanted =
      EptCapability.PageWalkLengthOf4 |
      EptCapability.MemoryTypeWriteBackSupported |
      EptCapability.Pde2mbSupport |
      EptCapability.Pdpte1gbSupport;
    return (Number(this.msrs.rdmsr(Msr.Ia32VmxEptVpidCap) & 0xffffffffn) & wanted) === wanted;
  }

  pointer(): bigint {
    this.tables ??= this.build();
    // SDM 3C "Extended-Page-Table Pointer (EPTP)": bits 2:0 memory type, bits 5:3 length of the walk less 1.
    return this.manager.virtualToPhysical(this.tables.root) | BigInt(MemoryType.WriteBack) | (3n << 3n);
  }

  /** The memory type of a page of the map. Write-back throughout: the guest's own PAT makes device memory uncacheable. */
  protected memoryTypeOf(_physical: bigint): number {
    return MemoryType.WriteBack;
  }

  private build(): PageTables {
    this.own = this.manager.ownMemory();
    const tables = new PageTables(this.memory, this.manager, { table: access, present: access, large });
    for (let at = 0n; at < mappedBytes; at += page1g) {
      if (this.overlapsOwnMemory(at, page1g)) this.mapSmaller(tables, at);
      else tables.map(at, Number(page1g), this.entry(at));
    }
    return tables;
  }

  private mapSmaller(tables: PageTables, start: bigint): void {
    for (let at = start; at < start + page1g; at += page2m) {
      if (!this.overlapsOwnMemory(at, page2m)) tables.map(at, Number(page2m), this.entry(at));
    }
  }

  private entry(physical: bigint): bigint {
    return physical | access | large | BigInt(this.memoryTypeOf(physical) << 3);
  }

  private overlapsOwnMemory(start: bigint, bytes: bigint): boolean {
    return this.own.some((own) => start < own.physical + BigInt(own.bytes) && own.physical < start + bytes);
  }
}
