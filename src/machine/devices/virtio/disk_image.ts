// SPDX-License-Identifier: LGPL-2.1-only

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
}

/** Bytes of a sector, the unit of every request. */
export const SECTOR_BYTES = 512;
