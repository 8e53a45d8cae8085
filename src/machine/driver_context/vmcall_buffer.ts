// SPDX-License-Identifier: LGPL-2.1-only
import { Sizes } from '../layout/regions.js';
import { carveOutPhysical, carveOutVirtual } from './driver_pages.js';
import type { ProcessorCore } from '../processor/processor_core.js';

/** Bytes of one buffer: the most that a VMCALL of type data may carry. */
export const vmcallBufferBytes = 0x20000;

/** Behind the contexts of all processors, in the driver's share of the carve-out. */
const firstBuffer = Sizes.CARVE_OUT - Sizes.DRIVER_PART + 0x80000;

/** One of the two buffers through which the driver's VMCALLs exchange data with the VMM: memory that the driver's own page table maps. */
export class VmcallBuffer {
  /** @param index 0 for data on its way in, 1 for the answer. */
  constructor(
    private readonly core: ProcessorCore,
    private readonly index: 0 | 1,
  ) {}

  /** Its address in the driver's address space. */
  get address(): bigint {
    return carveOutVirtual + BigInt(this.inCarveOut);
  }

  /** How many bytes it holds. */
  get size(): number {
    return vmcallBufferBytes;
  }

  /** Puts data at its beginning. Precondition: at most `size` bytes. */
  write(bytes: Uint8Array): void {
    this.core.writer.write(this.offset, bytes);
  }

  /** A copy of its first bytes. */
  read(length: number): Uint8Array {
    return this.core.u8.slice(this.offset, this.offset + Math.min(length, this.size));
  }

  private get inCarveOut(): number {
    return firstBuffer + this.index * vmcallBufferBytes;
  }

  private get offset(): number {
    return this.core.physicalOffset(carveOutPhysical + this.inCarveOut);
  }
}
