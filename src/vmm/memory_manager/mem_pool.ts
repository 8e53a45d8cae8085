// SPDX-License-Identifier: LGPL-2.1-only

/** A pool as data. */
export interface MemPoolState {
  /** Address of the first byte. */
  readonly start: bigint;
  /** Size, a multiple of the granule. */
  readonly bytes: number;
  /** A granule has 2^granuleShift bytes. */
  readonly granuleShift: number;
  /** Length in granules at the first granule of each allocation, else 0. */
  readonly lengths: Uint32Array;
  /** 1 for each granule that is in use. */
  readonly used: Uint8Array;
  /** Where the next search begins. */
  next: number;
}

/** A pool without allocations. */
export function emptyPool(start: bigint, bytes: number, granuleShift: number): MemPoolState {
  const granules = Math.floor(bytes / 2 ** granuleShift);
  return { start, bytes, granuleShift, lengths: new Uint32Array(granules), used: new Uint8Array(granules), next: 0 };
}

/** Hands out pieces of a range of addresses, in granules. The search goes on after the last allocation and wraps once (next-fit). */
export class MemPool {
  /** @param state of `emptyPool`, or of a pool that was in use; it is the pool's. */
  constructor(private readonly state: MemPoolState) {}

  get bytes(): number {
    return this.state.bytes;
  }

  /** The address of `size` bytes, rounded up to granules; undefined if size is 0 or no gap is large enough. */
  alloc(size: number): bigint | undefined {
    const { state } = this;
    const { granuleShift, lengths, next, used } = state;
    const granules = used.length;
    const count = Math.ceil(size / 2 ** granuleShift);
    if (count < 1 || count > granules) return undefined;
    const at = this.search(next, granules, count) ?? this.search(0, Math.min(next + count, granules), count);
    if (at === undefined) return undefined;
    used.fill(1, at, at + count);
    lengths[at] = count;
    state.next = at + count;
    return state.start + (BigInt(at) << BigInt(granuleShift));
  }

  /** Gives back an allocation. Any other address is ignored. */
  free(address: bigint): void {
    const at = this.indexOf(address);
    if (at === undefined) return;
    const { lengths, used } = this.state;
    used.fill(0, at, at + lengths[at]!);
    lengths[at] = 0;
  }

  /** Bytes of an allocation, in whole granules; 0 for any other address. */
  size(address: bigint): number {
    const at = this.indexOf(address);
    return at === undefined ? 0 : this.state.lengths[at]! * 2 ** this.state.granuleShift;
  }

  /** Whether the address lies in the pool. */
  contains(address: bigint): boolean {
    const { bytes, start } = this.state;
    return address >= start && address < start + BigInt(bytes);
  }

  /** Forgets all allocations. */
  clear(): void {
    const { state } = this;
    state.used.fill(0);
    state.lengths.fill(0);
    state.next = 0;
  }

  private indexOf(address: bigint): number | undefined {
    if (!this.contains(address)) return undefined;
    const { granuleShift, lengths, start } = this.state;
    const at = Number(address - start) / 2 ** granuleShift;
    return Number.isInteger(at) && lengths[at] !== 0 ? at : undefined;
  }

  private search(from: number, to: number, count: number): number | undefined {
    for (let at = from; at + count <= to;) {
      const taken = this.state.used.subarray(at, at + count).lastIndexOf(1);
      if (taken < 0) return at;
      at += taken + 1;
    }
    return undefined;
  }
}
