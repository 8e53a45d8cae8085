// SPDX-License-Identifier: LGPL-2.1-only
import { DISK_BLOCK_BYTES, type DiskBlocks, type DiskImage } from '../machine/devices/virtio/disk_image.js';

const BLOCK = DISK_BLOCK_BYTES;

/** A disk whose writes stay in memory: the content below never changes, and what was written ends with the run. */
export class CopyOnWriteDisk implements DiskImage {
  readonly bytes: number;
  /** The blocks that were written, by number. */
  private readonly blocks = new Map<number, Uint8Array>();

  constructor(private readonly below: Pick<DiskImage, 'bytes' | 'read'>) {
    this.bytes = below.bytes;
  }

  read(offset: number, into: Uint8Array): void {
    this.below.read(offset, into);
    eachBlock(offset, into.length, (number, inside, from, count) => {
      const block = this.blocks.get(number);
      if (block !== undefined) into.set(block.subarray(inside, inside + count), from);
    });
  }

  write(offset: number, bytes: Uint8Array): void {
    eachBlock(offset, bytes.length, (number, inside, from, count) =>
      this.block(number).set(bytes.subarray(from, from + count), inside),
    );
  }

  /** Memory is as safe as these writes get. */
  flush(): void {}

  save(): DiskBlocks {
    const numbers = Uint32Array.from(this.blocks.keys()).sort();
    const bytes = new Uint8Array(numbers.length * BLOCK);
    numbers.forEach((number, i) => bytes.set(this.blocks.get(number)!, i * BLOCK));
    return { numbers, bytes };
  }

  restore({ numbers, bytes }: DiskBlocks): void {
    this.blocks.clear();
    numbers.forEach((number, i) =>
      this.blocks.set(number, bytes.slice(i * BLOCK, i * BLOCK + this.blockBytes(number))),
    );
  }

  /** The last block of a disk may be shorter. */
  private blockBytes(number: number): number {
    return Math.min(BLOCK, this.bytes - number * BLOCK);
  }

  /** The block of a number, copied from below when it is written first. */
  private block(number: number): Uint8Array {
    const known = this.blocks.get(number);
    if (known !== undefined) return known;
    const block = new Uint8Array(this.blockBytes(number));
    this.below.read(number * BLOCK, block);
    this.blocks.set(number, block);
    return block;
  }
}

/** Visits the part of each block that a range of bytes has. @param visit gets number, offset in the block, offset in the range, length */
function eachBlock(
  offset: number,
  bytes: number,
  visit: (number: number, inside: number, from: number, count: number) => void,
): void {
  for (let from = 0; from < bytes;) {
    const inside = (offset + from) % BLOCK;
    const count = Math.min(BLOCK - inside, bytes - from);
    visit(Math.floor((offset + from) / BLOCK), inside, from, count);
    from += count;
  }
}
