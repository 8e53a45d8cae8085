// SPDX-License-Identifier: LGPL-2.1-only
import { AccessRights, SegmentAccess } from '../../intrinsics/registers/registers.js';
import type { TableRegister } from '../../intrinsics/instructions/segments.js';
import { VmcsError } from '../errors.js';
import type { MemoryManager } from '../memory_manager/memory_manager.js';

/** Reads and writes the memory of a descriptor table. */
export interface DescriptorMemory {
  read64(address: bigint): bigint;
  write64(address: bigint, value: bigint): void;
}

/** A segment in the VMCS's format. */
export interface SegmentDescriptor {
  readonly base: bigint;
  /** In bytes, G bit applied. */
  readonly limit: number;
  /** In the format of the VMCS's access-rights fields. */
  readonly accessRights: number;
}

const field = (value: bigint, from: number, count: number): bigint =>
  (value >> BigInt(from)) & ((1n << BigInt(count)) - 1n);

const isSystem = (rights: number): boolean => (rights & AccessRights.S) === 0;
const isGranular = (rights: number): boolean => (rights & AccessRights.Granularity) !== 0;

const baseBits = (base: bigint): bigint => (field(base, 0, 24) << 16n) | (field(base, 24, 8) << 56n);
const rightsBits = (rights: number): bigint => (BigInt(rights & 0xff) << 40n) | (BigInt((rights >> 12) & 0xf) << 52n);
const limitMask = 0x000f_0000_0000_ffffn;

function limitBits(bytes: number, rights: number): bigint {
  const limit = isGranular(rights) ? Math.floor(bytes / 4096) : bytes;
  if (limit < 0 || limit > 0xfffff) {
    throw new VmcsError(
      `segment limit 0x${bytes.toString(16)} with G = ${isGranular(rights) ? 1 : 0}: a descriptor has 20 bits for it`,
    );
  }
  return field(BigInt(limit), 0, 16) | (field(BigInt(limit), 16, 4) << 48n);
}

/** A global descriptor table: the processor's, or one of the VMM's own. SDM 3A "Segment Descriptors". */
export class GdtX64 {
  constructor(
    private readonly memory: DescriptorMemory,
    /** Linear address and limit, as SGDT returns them. */
    readonly register: TableRegister,
  ) {}

  /** A table of `entries` null descriptors in new memory. @throws VmcsError for less than one entry or more than 8192, OutOfMemoryError */
  static ofSize(memory: DescriptorMemory, manager: Pick<MemoryManager, 'alloc'>, entries: number): GdtX64 {
    if (entries < 1 || entries > 8192) throw new VmcsError(`a GDT of ${entries} entries: wanted 1 … 8192`);
    return new GdtX64(memory, { base: manager.alloc(entries * 8, 'structure'), limit: entries * 8 - 1 });
  }

  /** The segment at an index, or at a selector shifted right by 3. @throws VmcsError for index 0 and beyond the limit. */
  read(index: number): SegmentDescriptor {
    const low = this.memory.read64(this.addressOf(index));
    const rights = this.accessRights(index);
    const high = isSystem(rights) ? this.memory.read64(this.addressOf(index + 1)) : 0n;
    const limit = Number(field(low, 0, 16) | (field(low, 48, 4) << 16n));
    return {
      base: field(low, 16, 24) | (field(low, 56, 8) << 24n) | (field(high, 0, 32) << 32n),
      limit: isGranular(rights) ? limit * 4096 + 4095 : limit,
      accessRights: rights,
    };
  }

  /**
   * Stores a segment; a system segment (S = 0) takes two entries.
   *
   * @throws VmcsError for index 0, beyond the limit, and for a limit that does not fit into 20 bits. Nothing is stored then.
   */
  write(index: number, segment: SegmentDescriptor): void {
    const { base, accessRights } = segment;
    const address = this.addressOf(index);
    const second = isSystem(accessRights) ? this.addressOf(index + 1) : undefined;
    const low = baseBits(base) | limitBits(segment.limit, accessRights) | rightsBits(accessRights);
    this.memory.write64(address, low);
    if (second !== undefined) this.memory.write64(second, field(base, 32, 32));
  }

  /** Changes the base alone; the upper half of a system segment's too. @throws VmcsError */
  setBase(index: number, base: bigint): void {
    const second = isSystem(this.accessRights(index)) ? this.addressOf(index + 1) : undefined;
    this.change(index, baseBits(0xffffffffn), baseBits(base));
    if (second !== undefined) this.memory.write64(second, field(base, 32, 32));
  }

  /** Changes the limit alone. @param limit in bytes: the G bit that the entry has is applied. @throws VmcsError */
  setLimit(index: number, limit: number): void {
    this.change(index, limitMask, limitBits(limit, this.accessRights(index)));
  }

  /** Changes the rights alone. S and G decide what base and limit of the entry mean. @throws VmcsError */
  setAccessRights(index: number, accessRights: number): void {
    this.change(index, rightsBits(0xf0ff), rightsBits(accessRights));
  }

  /** Turns a busy TSS into an available one, so that LTR accepts it. */
  markAvailable(index: number): void {
    this.change(index, 1n << 41n, 0n);
  }

  /** The segment of a selector: index 0 is an unusable one. */
  readSelector(selector: number): SegmentDescriptor {
    const index = selector >> 3;
    return index === 0 ? { base: 0n, limit: 0, accessRights: SegmentAccess.Unusable } : this.read(index);
  }

  private accessRights(index: number): number {
    const low = this.memory.read64(this.addressOf(index));
    return Number(field(low, 40, 8) | (field(low, 52, 4) << 12n));
  }

  private change(index: number, mask: bigint, bits: bigint): void {
    const address = this.addressOf(index);
    this.memory.write64(address, (this.memory.read64(address) & ~mask) | bits);
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
