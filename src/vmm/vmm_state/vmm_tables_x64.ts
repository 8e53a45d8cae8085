// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { vmmGdt } from './vmm_gdt.js';
import type { TableRegister } from '../../intrinsics/instructions/segments.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { derived, state, type Attachable } from '../state/state.js';
import { GdtX64, type SegmentDescriptor } from './gdt_x64.js';
import { IdtX64 } from './idt_x64.js';
import type { VmmTables } from './vmm_tables.js';

const gdtEntries = 7;
// No gate is present, so a fault in the VMM's native code is a triple fault at once.
const idtGates = 256;
const tssBytes = 104;

/** GDT, IDT and TSS in the VMM's heap. */
@injectable()
export class VmmTablesX64 implements VmmTables, Attachable {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @state() gdt!: TableRegister;
  @state() idt!: TableRegister;
  @derived() private table!: GdtX64;

  attach(): void {
    this.table = new GdtX64(this.memory, this.gdt);
  }

  init(): void {
    const tss = this.manager.alloc(tssBytes, 'structure');
    this.idt = IdtX64.ofSize(this.manager, idtGates).register;
    this.gdt = GdtX64.ofSize(this.memory, this.manager, gdtEntries).register;
    this.attach();
    for (const { index, access, base, limit } of vmmGdt) {
      this.table.write(index, { base: base === undefined ? tss : BigInt(base), limit, accessRights: access });
    }
  }

  segment(selector: number): SegmentDescriptor {
    return this.table.readSelector(selector);
  }
}
