// SPDX-License-Identifier: LGPL-2.1-only
import type { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';

/** What a map needs to read, write and unmap. */
export interface MapOwner {
  readonly memory: VmmMemory;
  /** Takes the pages from the VMM's table and gives the addresses back. */
  unmap(virtual: bigint, bytes: number): void;
  /** INVLPG of one page. */
  flushPage(address: bigint): void;
  /** CLFLUSH of one line. */
  flushLine(address: bigint): void;
}

/** The place of a map. */
interface Mapping {
  /** The first page, and how many bytes of pages. */
  readonly base: bigint;
  readonly mappedBytes: number;
  /** The first byte that was asked for, and how many. */
  readonly address: bigint;
  readonly size: number;
}

const nothing: Mapping = { base: 0n, mappedBytes: 0, address: 0n, size: 0 };

/** Foreign memory at a VMM-virtual address. The holder owns the map, which ends with `release` or disposal. */
export class UniqueMapPtrX64 implements Disposable {
  constructor(
    private readonly owner: MapOwner,
    /** An empty pointer, to be filled by `swap`. */
    private mapping: Mapping = nothing,
  ) {}

  /** VMM-virtual address of the first byte, 0 if it is empty. */
  get address(): bigint {
    return this.mapping.address;
  }

  /** Bytes that were asked for. */
  get size(): number {
    return this.mapping.size;
  }

  get isEmpty(): boolean {
    return this.mapping.mappedBytes === 0;
  }

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

  /** Drops the processor's translations of its pages. */
  flush(): void {
    const { base, mappedBytes } = this.mapping;
    for (let at = 0; at < mappedBytes; at += 4096) this.owner.flushPage(base + BigInt(at));
  }

  /** Flushes its cache lines. Explicit: a release does not do it. */
  cacheFlush(): void {
    for (let at = this.address & ~63n; at < this.address + BigInt(this.size); at += 64n) this.owner.flushLine(at);
  }

  /** Exchanges the maps of two pointers. */
  swap(other: UniqueMapPtrX64): void {
    [this.mapping, other.mapping] = [other.mapping, this.mapping];
  }

  /** Unmaps its own map, and takes over the map of `other`, which is then empty. */
  reset(other?: UniqueMapPtrX64): void {
    if (other === this) return;
    this.release();
    if (other !== undefined) this.swap(other);
  }

  /** Unmaps; an empty pointer does nothing. */
  release(): void {
    const { base, mappedBytes } = this.mapping;
    this.mapping = nothing;
    if (mappedBytes !== 0) this.owner.unmap(base, mappedBytes);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
