// SPDX-License-Identifier: LGPL-2.1-only
import type { VmmMemory } from '../../intrinsics/vmm_memory.js';
import type { MemoryManager } from '../memory_manager/memory_manager.js';

/** Zeroed pages whose bits are set one by one. */
export class BitmapPage {
  /** VMM-virtual address. */
  readonly address: bigint;
  /** What the pages hold: nobody else writes them. */
  private readonly bytes: Uint8Array;

  constructor(
    private readonly manager: MemoryManager,
    private readonly memory: VmmMemory,
    bytes: number,
  ) {
    this.address = manager.alloc(bytes, 'structure');
    this.bytes = new Uint8Array(bytes);
  }

  physical(offset = 0): bigint {
    return this.manager.virtualToPhysical(this.address + BigInt(offset));
  }

  set(bit: number, value: boolean): void {
    const at = bit >>> 3;
    const mask = 1 << (bit & 7);
    const byte = value ? this.bytes[at]! | mask : this.bytes[at]! & ~mask;
    this.bytes[at] = byte;
    this.memory.write8(this.address + BigInt(at), byte);
  }

  release(): void {
    this.manager.free(this.address);
  }
}
