// SPDX-License-Identifier: LGPL-2.1-only
import { copyState } from '../../state/copy_state.js';
import { digestWords, type Digest } from '../../state_hash.js';
import type { DescriptorChain, ReadableSegments, WritableSegments } from './descriptor_chain.js';
import { SECTOR_BYTES, type DiskImage } from './disk_image.js';
import { DriverFault } from './driver_fault.js';
import type { VirtioDevice } from './virtio_device.js';

/** Feature bits: the configuration says how large and how many the segments of a request may be; the device has a cache to flush. */
const Feature = { SizeMax: 1 << 1, SegmentMax: 1 << 2, Flush: 1 << 9 } as const;

/** Request types. */
const Request = { In: 0, Out: 1, Flush: 4, GetId: 8 } as const;

/** The last byte of an answer. */
const Status = { Ok: 0, IoError: 1, Unsupported: 2 } as const;

const HEADER_BYTES = 16;
const ID_BYTES = 20;
const QUEUE_SIZE = 128;
/** A request has a header and a status too. */
const MOST_SEGMENTS = QUEUE_SIZE - 2;
const LARGEST_SEGMENT = 0x10000;
const MOST_BYTES = MOST_SEGMENTS * LARGEST_SEGMENT;
/** Bytes that are copied at a time. */
const CHUNK = 0x10000;

interface VirtioBlkState {
  /** Digest of all writes in their order: equal runs have equal digests, without a look at the whole disk. */
  written: Digest;
}

/** The block device: reads, writes and flushes a disk image. VIRTIO 1.2 "Block Device". */
export class VirtioBlk implements VirtioDevice {
  readonly type = 2;
  readonly classCode = 0x018000;
  readonly features = Feature.SizeMax | Feature.SegmentMax | Feature.Flush;
  readonly queueSizes = [QUEUE_SIZE];
  /** About that of a fast solid-state disk. */
  readonly latency = 20_000;
  readonly configuration: Uint8Array;
  private state: VirtioBlkState = { written: { low: 0, high: 0 } };

  /** @param name unique in a machine; the guest reads it as the disk's serial number */
  constructor(
    readonly name: string,
    private readonly image: DiskImage,
  ) {
    const sectors = image.bytes / SECTOR_BYTES;
    const words = [sectors % 2 ** 32, Math.floor(sectors / 2 ** 32), LARGEST_SEGMENT, MOST_SEGMENTS];
    this.configuration = new Uint8Array(Uint32Array.from(words).buffer);
  }

  /** The first three words of a request are its type, a reserved word and the low half of the first sector. Its status is the last byte of the answer. */
  handle({ readable, writable }: DescriptorChain): void {
    if (writable.left === 0) throw new DriverFault('a request of the block device has no place for its status');
    const [type, , low, high] = new Uint32Array(readable.read(HEADER_BYTES).buffer);
    const status = this.carryOut(type!, (low! + high! * 2 ** 32) * SECTOR_BYTES, readable, writable);
    writable.skip(writable.left - 1);
    writable.write(Uint8Array.of(status));
  }

  private carryOut(type: number, offset: number, readable: ReadableSegments, writable: WritableSegments): number {
    const room = writable.left - 1;
    switch (type) {
      case Request.In:
        return this.inChunks(offset, room, (at, count) => {
          const bytes = new Uint8Array(count);
          this.image.read(at, bytes);
          writable.write(bytes);
        });
      case Request.Out:
        return this.inChunks(offset, readable.left, (at, count) => this.write(at, readable.read(count)));
      case Request.Flush:
        this.image.flush();
        return Status.Ok;
      case Request.GetId:
        writable.write(this.identity.subarray(0, room));
        return Status.Ok;
      default:
        return Status.Unsupported;
    }
  }

  /** Visits whole sectors of the disk, a piece at a time. @returns the status: an error if they are not all on the disk */
  private inChunks(offset: number, bytes: number, visit: (at: number, count: number) => void): number {
    if (bytes % SECTOR_BYTES !== 0 || bytes > MOST_BYTES || offset + bytes > this.image.bytes) return Status.IoError;
    for (let done = 0; done < bytes; done += CHUNK) visit(offset + done, Math.min(CHUNK, bytes - done));
    return Status.Ok;
  }

  private write(offset: number, bytes: Uint8Array): void {
    this.image.write(offset, bytes);
    const { low, high } = this.state.written;
    const place = digestWords(Uint32Array.of(low, high, offset / SECTOR_BYTES));
    const words = new Uint32Array(bytes.buffer);
    this.state.written = digestWords(words, 0, words.length, place.low ^ place.high);
  }

  /** The name, with zeros behind it. */
  private get identity(): Uint8Array {
    const bytes = new Uint8Array(ID_BYTES);
    bytes.set(new TextEncoder().encode(this.name).subarray(0, ID_BYTES));
    return bytes;
  }

  save(): VirtioBlkState {
    return copyState(this.state);
  }

  restore(state: object): void {
    this.state = copyState(state) as VirtioBlkState;
  }
}
