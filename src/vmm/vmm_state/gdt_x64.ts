// SPDX-License-Identifier: LGPL-2.1-only
import { AccessRights, SegmentAccess } from '../../intrinsics/registers.js';
import type { TableRegister } from '../../intrinsics/segments.js';
import { VmcsError } from '../errors.js';

/** How to read and write the memory that a descriptor table lies in. */
export interface DescriptorMemory {
  read64(address: bigint): bigint;
  write64(address: bigint, value: bigint): void;
}

/** A segment as a VMCS wants it. */
export interface SegmentDescriptor {
  readonly base: bigint;
  /** In bytes, G bit applied. */
  readonly limit: number;
  /** In the format of the VMCS's access-rights fields. */
  readonly accessRights: number;
}

const field = (value: bigint, from: number, count: number): bigint =>
  (value >> BigInt(from)) & ((1n << BigInt(count)) - 1n);

/** A global descriptor table: the processor's, or one of the VMM's own. SDM 3A "Segment Descriptors". */
export class GdtX64 {
  constructor(
    private readonly memory: DescriptorMemory,
    /** Linear address and limit, as SGDT gives them. */
    readonly register: TableRegister,
  ) {}

  /** The segment at an index, or at a selector shifted right by 3. @throws VmcsError for index 0 and beyond the limit. */
  read(index: number): SegmentDescriptor {
    const low = this.memory.read64(this.addressOf(index));
    const rights = Number(field(low, 40, 8) | (field(low, 52, 4) << 12n));
    const isSystem = (rights & AccessRights.S) === 0;
    const high = isSystem ? this.memory.read64(this.addressOf(index + 1)) : 0n;
    const limit = Number(field(low, 0, 16) | (field(low, 48, 4) << 16n));
    return {
      base: field(low, 16, 24) | (field(low, 56, 8) << 24n) | (field(high, 0, 32) << 32n),
      limit: (rights & AccessRights.Granularity) !== 0 ? limit * 4096 + 4095 : limit,
      accessRights: rights,
    };
  }

  /** Stores a segment; a system segment (S = 0) takes two entries. @throws VmcsError */
  write(index: number, segment: SegmentDescriptor): void {
    const { base, accessRights } = segment;
    const limit = BigInt(
      (accessRights & AccessRights.Granularity) !== 0 ? Math.floor(segment.limit / 4096) : segment.limit,
    );
    const low =
      field(limit, 0, 16) |
      (field(base, 0, 24) << 16n) |
      (BigInt(accessRights & 0xff) << 40n) |
      (field(limit, 16, 4) << 48n) |
      (BigInt(accessRights >> 12) << 52n) |
      (field(base, 24, 8) << 56n);
    this.memory.write64(this.addressOf(index), low);
    if ((accessRights & AccessRights.S) === 0) this.memory.write64(this.addressOf(index + 1), field(base, 32, 32));
  }

  /** Turns a busy TSS into an available one, so that LTR accepts it. */
  markAvailable(index: number): void {
    const address = this.addressOf(index);
    this.memory.write64(address, this.memory.read64(address) & ~(1n << 41n));
  }

  /** The segment of a selector: index 0 is an unusable one. */
  readSelector(selector: number): SegmentDescriptor {
    const index = selector >> 3;
    return index === 0 ? { base: 0n, limit: 0, accessRights: SegmentAccess.Unusable } : this.read(index);
  }

  private addressOf(index: number): bigint {
    if (index <= 0 || index * 8 + 7 > this.register.limit) {
      throw new VmcsError(
        `GDT index ${index}: wanted 1 … ${(this.register.limit + 1) / 8 - 1} (the table at 0x${this.register.base.toString(16)} has limit ${this.register.limit}, index 0 is the null descriptor)`,
      );
    }
    return this.register.base + BigInt(index * 8);
  }
}
