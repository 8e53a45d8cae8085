// SPDX-License-Identifier: LGPL-2.1-only

/** The views of the machine's memory that a writer needs. */
interface MemoryViews {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
}

/**
 * The one way in which the machine, apart from its processors' own instructions, writes guest RAM and the VMM's carve-out: loaders, the VMX engine, the
 * driver's pages, stores of the VMM. The writer tells the processor core about each write. The core then decodes code there again, and marks the pages dirty.
 * Places are byte offsets in the machine's memory, as `physicalOffset` gives them.
 */
export class MemoryWriter {
  /** @param written tells the core that bytes from an offset on have changed. */
  constructor(
    private readonly views: MemoryViews,
    private readonly written: (offset: number, size: number) => void,
  ) {}

  /** Writes bytes, or `count` of them from `from` on. */
  write(offset: number, bytes: ArrayLike<number>, from = 0, count = bytes.length - from): void {
    if (count <= 0) return;
    const { u8 } = this.views;
    if (bytes instanceof Uint8Array) u8.set(bytes.subarray(from, from + count), offset);
    else for (let i = 0; i < count; i++) u8[offset + i] = bytes[from + i]!;
    this.written(offset, count);
  }

  /** A copy of `count` bytes. */
  copy(offset: number, count: number): Uint8Array {
    return this.views.u8.slice(offset, offset + count);
  }

  /** Fills a range with one byte. */
  fill(offset: number, byte: number, count: number): void {
    if (count <= 0) return;
    this.views.u8.fill(byte, offset, offset + count);
    this.written(offset, count);
  }

  /** Writes 32 bits. Precondition: the offset is a multiple of 4. */
  write32(offset: number, value: number): void {
    this.views.u32[offset >>> 2] = value;
    this.written(offset, 4);
  }

  /** Writes 64 bits. Precondition: the offset is a multiple of 4. */
  write64(offset: number, low: number, high: number): void {
    const { u32 } = this.views;
    const at = offset >>> 2;
    u32[at] = low;
    u32[at + 1] = high;
    this.written(offset, 8);
  }
}
