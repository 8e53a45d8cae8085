// SPDX-License-Identifier: LGPL-2.1-only
import type { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import type { MemoryManager } from '../memory_manager/memory_manager.js';

/** Pages whose bits are set one by one. */
export class BitmapPage {
  /** @param address VMM-virtual address of zeroed pages, or of pages that were in use before. */
  constructor(
    private readonly manager: MemoryManager,
    private readonly memory: VmmMemory,
    readonly address: bigint,
  ) {}

  physical(offset = 0): bigint {
    return this.manager.virtualToPhysical(this.address + BigInt(offset));
  }

  set(bit: number, value: boolean): void {
    const address = this.address + BigInt(bit >>> 3);
    const mask = 1 << (bit & 7);
    const byte = this.memory.read8(address);
    this.memory.write8(address, value ? byte | mask : byte & ~mask);
  }
}
