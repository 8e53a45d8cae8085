// SPDX-License-Identifier: LGPL-2.1-only
import type { SegmentStream } from './segment_stream.js';

/** What the driver gives to the device. */
export type ReadableSegments = Pick<SegmentStream, 'left' | 'read'>;

/** Where the device answers. */
export type WritableSegments = Pick<SegmentStream, 'left' | 'write' | 'skip' | 'written'>;

/** One request of a driver: what it reads, then what it writes. */
export interface DescriptorChain {
  /** The number of its first descriptor. */
  readonly head: number;
  readonly readable: ReadableSegments;
  readonly writable: WritableSegments;
}
