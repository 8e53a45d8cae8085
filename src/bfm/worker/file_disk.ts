// SPDX-License-Identifier: LGPL-2.1-only
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { SECTOR_BYTES, type DiskBlocks, type DiskImage } from '../../machine/devices/virtio/disk_image.js';
import { CopyOnWriteDisk } from '../../session/copy_on_write_disk.js';
import { FileError } from '../failures/file_error.js';
import type { DiskRequest } from './run_request.js';

/** A file as a disk. A write is in the file when it returns, and safe from a loss of power after a flush. */
export class FileDisk implements DiskImage {
  readonly bytes: number;
  private readonly descriptor: number;

  /** @throws FileError if it cannot be opened, or is no disk image */
  constructor(private readonly request: DiskRequest) {
    const { path, isWritable } = request;
    this.descriptor = this.attempt(isWritable ? 'opened for writing' : 'read', () =>
      openSync(path, isWritable ? 'r+' : 'r'),
    );
    try {
      this.bytes = this.checkedSize();
    } catch (error) {
      closeSync(this.descriptor);
      throw error;
    }
  }

  private checkedSize(): number {
    const { path } = this.request;
    const status = fstatSync(this.descriptor);
    if (!status.isFile()) {
      throw new FileError(`${path} is no disk image: a regular file is wanted`, {
        details: { where: path, expected: 'a regular file' },
      });
    }
    if (status.size === 0 || status.size % SECTOR_BYTES !== 0) {
      throw new FileError(
        `${path} is no raw disk image: it has ${status.size} bytes, and a disk has whole sectors of ${SECTOR_BYTES} bytes. Convert other formats first (qemu-img convert -O raw).`,
        { details: { where: path, found: `${status.size} bytes`, expected: `a multiple of ${SECTOR_BYTES} bytes` } },
      );
    }
    return status.size;
  }

  readonly isKeptOutside = true;

  /** All that was written is in the file. */
  save(): DiskBlocks {
    this.flush();
    return { numbers: new Uint32Array(), bytes: new Uint8Array() };
  }

  /** The file has it already. */
  restore(): void {}

  read(offset: number, into: Uint8Array): void {
    this.attempt('read', () => {
      for (let done = 0; done < into.length;) {
        const count = readSync(this.descriptor, into, done, into.length - done, offset + done);
        if (count === 0) throw new Error(`it ends at byte ${offset + done}; somebody has truncated it`);
        done += count;
      }
    });
  }

  write(offset: number, bytes: Uint8Array): void {
    this.attempt('written', () => {
      for (let done = 0; done < bytes.length;)
        done += writeSync(this.descriptor, bytes, done, bytes.length - done, offset + done);
    });
  }

  flush(): void {
    if (this.request.isWritable) this.attempt('flushed', () => fsyncSync(this.descriptor));
  }

  /** @param what of the sentence "… cannot be …" @throws FileError */
  private attempt<T>(what: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      const { path } = this.request;
      const found = error instanceof Error ? error.message : String(error);
      throw new FileError(`the disk image ${path} cannot be ${what}: ${found}`, {
        causedBy: error,
        details: { where: path, found },
      });
    }
  }
}

/** Opens the disks of a request. Without `,write` the file stays as it is. @throws FileError */
export function openDisks(requests: readonly DiskRequest[]): DiskImage[] {
  return requests.map((request) => {
    const disk = new FileDisk(request);
    return request.isWritable ? disk : new CopyOnWriteDisk(disk);
  });
}
