// SPDX-License-Identifier: LGPL-2.1-only
import type { VmmMemory } from '../../intrinsics/vmm_memory.js';

/** What a map needs to read, write and go away. */
export interface MapOwner {
  readonly memory: VmmMemory;
  /** Takes the pages from the VMM's table and gives the addresses back. */
  unmap(virtual: bigint, bytes: number): void;
  /** CLFLUSH of one line. */
  flushLine(address: bigint): void;
}

/** Foreign memory at an address of the VMM's. Belongs to whoever holds it; gone after `release` or disposal. */
export class UniqueMapPtrX64 implements Disposable {
  private owned = true;

  constructor(
    private readonly owner: MapOwner,
    private readonly base: bigint,
    private readonly mappedBytes: number,
    /** VMM-virtual address of the first byte. */
    readonly address: bigint,
    /** Bytes that were asked for. */
    readonly size: number,
  ) {}

  read(offset = 0, bytes = this.size - offset): Uint8Array {
    return this.owner.memory.readBytes(this.address + BigInt(offset), bytes);
  }

  write(data: Uint8Array, offset = 0): void {
    this.owner.memory.writeBytes(this.address + BigInt(offset), data);
  }

  read64(offset = 0): bigint {
    return this.owner.memory.read64(this.address + BigInt(offset));
  }

  write64(value: bigint, offset = 0): void {
    this.owner.memory.write64(this.address + BigInt(offset), value);
  }

  /** Flushes its cache lines. Explicit: a release does not do it. */
  cacheFlush(): void {
    for (let at = this.address & ~63n; at < this.address + BigInt(this.size); at += 64n) this.owner.flushLine(at);
  }

  /** Unmaps; a second time does nothing. */
  release(): void {
    if (!this.owned) return;
    this.owned = false;
    this.owner.unmap(this.base, this.mappedBytes);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
