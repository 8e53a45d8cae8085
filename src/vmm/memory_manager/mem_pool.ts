// SPDX-License-Identifier: LGPL-2.1-only

/** A pool as data. A pool has few allocations and many granules, so only the allocations are state: that is what a reset copies. */
export interface MemPoolState {
  /** Address of the first byte. */
  readonly start: bigint;
  /** Size, a multiple of the granule. */
  readonly bytes: number;
  /** A granule has 2^granuleShift bytes. */
  readonly granuleShift: number;
  /** Length of each allocation in granules, by its first granule. */
  readonly allocations: Map<number, number>;
  /** Where the next search begins. */
  next: number;
}

/** A pool without allocations. */
export function emptyPool(start: bigint, bytes: number, granuleShift: number): MemPoolState {
  return { start, bytes, granuleShift, allocations: new Map(), next: 0 };
}

/** Hands out pieces of a range of addresses, in granules. The search goes on after the last allocation and wraps once (next-fit). */
export class MemPool {
  /** 1 for each granule that is in use. */
  private readonly used: Uint8Array;

  /** @param state of `emptyPool`, or of a pool that was in use; it is the pool's. */
  constructor(private state: MemPoolState) {
    this.used = new Uint8Array(Math.floor(state.bytes / 2 ** state.granuleShift));
    this.mark(1);
  }

  /** Goes on with another state of this pool. */
  goOn(state: MemPoolState): void {
    if (state === this.state) return;
    this.mark(0);
    this.state = state;
    this.mark(1);
  }

  get bytes(): number {
    return this.state.bytes;
  }

  /** The address of `size` bytes, rounded up to granules; undefined if size is 0 or no gap is large enough. */
  alloc(size: number): bigint | undefined {
    const { state } = this;
    const { used } = this;
    const { allocations, granuleShift, next } = state;
    const granules = used.length;
    const count = Math.ceil(size / 2 ** granuleShift);
    if (count < 1 || count > granules) return undefined;
    const at = this.search(next, granules, count) ?? this.search(0, Math.min(next + count, granules), count);
    if (at === undefined) return undefined;
    used.fill(1, at, at + count);
    allocations.set(at, count);
    state.next = at + count;
    return state.start + (BigInt(at) << BigInt(granuleShift));
  }

  /** Gives back an allocation. Any other address is ignored. */
  free(address: bigint): void {
    const at = this.indexOf(address);
    if (at === undefined) return;
    const { allocations } = this.state;
    this.used.fill(0, at, at + allocations.get(at)!);
    allocations.delete(at);
  }

  /** Bytes of an allocation, in whole granules; 0 for any other address. */
  size(address: bigint): number {
    const at = this.indexOf(address);
    return at === undefined ? 0 : this.state.allocations.get(at)! * 2 ** this.state.granuleShift;
  }

  /** Whether the address lies in the pool. */
  contains(address: bigint): boolean {
    const { bytes, start } = this.state;
    return address >= start && address < start + BigInt(bytes);
  }

  /** Forgets all allocations. */
  clear(): void {
    this.used.fill(0);
    this.state.allocations.clear();
    this.state.next = 0;
  }

  private mark(isUsed: 0 | 1): void {
    for (const [at, count] of this.state.allocations) this.used.fill(isUsed, at, at + count);
  }

  private indexOf(address: bigint): number | undefined {
    if (!this.contains(address)) return undefined;
    const { allocations, granuleShift, start } = this.state;
    const at = Number(address - start) / 2 ** granuleShift;
    return allocations.has(at) ? at : undefined;
  }

  private search(from: number, to: number, count: number): number | undefined {
    for (let at = from; at + count <= to;) {
      const taken = this.used.subarray(at, at + count).lastIndexOf(1);
      if (taken < 0) return at;
      at += taken + 1;
    }
    return undefined;
  }
}
