// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { vmmGdt } from '../../intrinsics/constants.js';
import type { TableRegister } from '../../intrinsics/segments.js';
import { VmmMemory } from '../../intrinsics/vmm_memory.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { GdtX64, type SegmentDescriptor } from './gdt_x64.js';
import type { VmmTables } from './vmm_tables.js';

const gdtBytes = 7 * 8;
// 256 entries of zeros: a fault in the VMM's native code is a triple fault, loud and at once.
const idtBytes = 256 * 16;
const tssBytes = 104;

/** GDT, IDT and TSS in the VMM's heap. */
@injectable()
export class VmmTablesX64 implements VmmTables {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  private table!: GdtX64;
  private idtRegister!: TableRegister;

  init(): void {
    const tss = this.manager.alloc(tssBytes);
    this.idtRegister = { base: this.manager.alloc(idtBytes), limit: idtBytes - 1 };
    this.table = new GdtX64(this.memory, { base: this.manager.alloc(gdtBytes), limit: gdtBytes - 1 });
    for (const { index, access, base, limit } of vmmGdt) {
      this.table.write(index, { base: base === undefined ? tss : BigInt(base), limit, accessRights: access });
    }
  }

  get gdt(): TableRegister {
    return this.table.register;
  }

  get idt(): TableRegister {
    return this.idtRegister;
  }

  segment(selector: number): SegmentDescriptor {
    return this.table.readSelector(selector);
  }
}
