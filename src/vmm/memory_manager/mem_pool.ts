// SPDX-License-Identifier: LGPL-2.1-only

/** Hands out pieces of a range of addresses, in granules. The search goes on after the last allocation and wraps once (next-fit). */
export class MemPool {
  private readonly granules: number;
  /** Length in granules at the first granule of each allocation, else 0. */
  private readonly lengths: Uint32Array;
  private readonly used: Uint8Array;
  private next = 0;

  /**
   * @param start address of the first byte.
   * @param bytes size, a multiple of the granule.
   * @param granuleShift a granule has 2^granuleShift bytes.
   */
  constructor(
    readonly start: bigint,
    readonly bytes: number,
    private readonly granuleShift: number,
  ) {
    this.granules = Math.floor(bytes / 2 ** granuleShift);
    this.lengths = new Uint32Array(this.granules);
    this.used = new Uint8Array(this.granules);
  }

  /** The address of `size` bytes, rounded up to granules; undefined if size is 0 or no gap is large enough. */
  alloc(size: number): bigint | undefined {
    const count = Math.ceil(size / 2 ** this.granuleShift);
    if (count < 1 || count > this.granules) return undefined;
    const at =
      this.search(this.next, this.granules, count) ?? this.search(0, Math.min(this.next + count, this.granules), count);
    if (at === undefined) return undefined;
    this.used.fill(1, at, at + count);
    this.lengths[at] = count;
    this.next = at + count;
    return this.start + (BigInt(at) << BigInt(this.granuleShift));
  }

  /** Gives back an allocation. What is none is ignored. */
  free(address: bigint): void {
    const at = this.indexOf(address);
    if (at === undefined) return;
    this.used.fill(0, at, at + this.lengths[at]!);
    this.lengths[at] = 0;
  }

  /** Bytes of an allocation, in whole granules; 0 for what is none. */
  size(address: bigint): number {
    const at = this.indexOf(address);
    return at === undefined ? 0 : this.lengths[at]! * 2 ** this.granuleShift;
  }

  /** Whether the address lies in the pool. */
  contains(address: bigint): boolean {
    return address >= this.start && address < this.start + BigInt(this.bytes);
  }

  /** Forgets all allocations. */
  clear(): void {
    this.used.fill(0);
    this.lengths.fill(0);
    this.next = 0;
  }

  private indexOf(address: bigint): number | undefined {
    if (!this.contains(address)) return undefined;
    const offset = Number(address - this.start);
    const at = offset / 2 ** this.granuleShift;
    return Number.isInteger(at) && this.lengths[at] !== 0 ? at : undefined;
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
