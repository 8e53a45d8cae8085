// SPDX-License-Identifier: LGPL-2.1-only

/** Blocks of a disk by number, of `DISK_BLOCK_BYTES` each; the last block of a disk has zeros behind its end. */
export interface DiskBlocks {
  readonly numbers: Uint32Array;
  readonly bytes: Uint8Array;
}

/** Bytes of a block of `DiskBlocks`. */
export const DISK_BLOCK_BYTES = 0x1000;

/** The content of a disk. Its owner keeps it: a file, memory, or memory over a file. Offsets are in bytes. */
export interface DiskImage {
  /** A multiple of the sector's 512 bytes. */
  readonly bytes: number;
  /** Fills `into` from `offset` on. @throws if the host cannot read */
  read(offset: number, into: Uint8Array): void;
  /** @throws if the host cannot write */
  write(offset: number, bytes: Uint8Array): void;
  /** Returns once all that was written is safe. @throws if it cannot be made so */
  flush(): void;
  /** What is written is kept outside the machine, such as in a file. `save` then gives no blocks, and the owner answers for the content. */
  readonly isKeptOutside?: true;
  /** The blocks that have been written since the disk was opened. If it is absent, the machine cannot be saved. */
  save?(): DiskBlocks;
  /** Takes these blocks as all that has been written. */
  restore?(blocks: DiskBlocks): void;
}

/** Bytes of a sector, the unit of every request. */
export const SECTOR_BYTES = 512;
