// SPDX-License-Identifier: LGPL-2.1-only
import type { VmmMemory } from '../../intrinsics/vmm_memory.js';
import type { MemoryManager } from '../memory_manager/memory_manager.js';

/** Zeroed pages whose bits are set one by one. */
export class BitmapPage {
  /** VMM-virtual address. */
  readonly address: bigint;

  constructor(
    private readonly manager: MemoryManager,
    private readonly memory: VmmMemory,
    bytes: number,
  ) {
    this.address = manager.alloc(bytes);
  }

  physical(offset = 0): bigint {
    return this.manager.virtualToPhysical(this.address + BigInt(offset));
  }

  set(bit: number, value: boolean): void {
    const at = this.address + BigInt(bit >>> 3);
    const mask = 1 << (bit & 7);
    const old = this.memory.read8(at);
    this.memory.write8(at, value ? old | mask : old & ~mask);
  }

  release(): void {
    this.manager.free(this.address);
  }
}
