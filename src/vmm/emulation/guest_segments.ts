// SPDX-License-Identifier: LGPL-2.1-only
// Segment registers of a guest in its VMCS, and descriptors in its memory. SDM 3A "Segment Descriptors".
import { ProcessorFault } from '../../intrinsics/errors.js';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { AccessRights, Cr0, Rflags, SegmentSelector, SegmentTypeBit } from '../../intrinsics/registers/registers.js';
import { segmentNames, type SegmentName } from '../../intrinsics/instructions/segments.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import type { LinearMemory } from './linear_memory.js';

/** A segment register. */
export interface SegmentRegister {
  readonly selector: number;
  readonly base: bigint;
  readonly limit: number;
  readonly rights: number;
}

/** A descriptor of 8 bytes, as two halves. */
export interface Descriptor {
  readonly low: number;
  readonly high: number;
}

const descriptorBytes = 8;
/** Bits of the upper half of a descriptor. */
const limitHigh = 0xf0000;
const baseHigh = 0xff000000;
const pageGranular = 1 << 23;
const rightsShift = 8;
const rightsMask = 0xf0ff;

/** The VMCS's fields of segment registers follow the SDM's order. */
const fieldOf = (first: number, name: SegmentName): number => first + 2 * segmentNames.indexOf(name);

export function readSegment(vmcs: Vmcs, name: SegmentName): SegmentRegister {
  return {
    selector: vmcs.readLow(fieldOf(VmcsField.GuestEsSelector, name)),
    base: vmcs.read(fieldOf(VmcsField.GuestEsBase, name)),
    limit: vmcs.readLow(fieldOf(VmcsField.GuestEsLimit, name)) >>> 0,
    rights: vmcs.readLow(fieldOf(VmcsField.GuestEsAccessRights, name)),
  };
}

export function writeSegment(vmcs: Vmcs, name: SegmentName, segment: SegmentRegister): void {
  vmcs.write(fieldOf(VmcsField.GuestEsSelector, name), BigInt(segment.selector));
  vmcs.write(fieldOf(VmcsField.GuestEsBase, name), segment.base);
  vmcs.write(fieldOf(VmcsField.GuestEsLimit, name), BigInt(segment.limit));
  vmcs.write(fieldOf(VmcsField.GuestEsAccessRights, name), BigInt(segment.rights));
}

/** Access rights of a descriptor as the VMCS has them. */
export const rightsOf = ({ high }: Descriptor): number => (high >>> rightsShift) & rightsMask;

export const baseOf = ({ low, high }: Descriptor): number =>
  ((low >>> 16) | ((high & 0xff) << 16) | (high & baseHigh)) >>> 0;

/** The limit in bytes. */
export function limitOf({ low, high }: Descriptor): number {
  const limit = (low & 0xffff) | (high & limitHigh);
  return (high & pageGranular) === 0 ? limit : ((limit << 12) | 0xfff) >>> 0;
}

/** A segment register that a descriptor was loaded into. */
export const registerOf = (selector: number, descriptor: Descriptor): SegmentRegister => ({
  selector,
  base: BigInt(baseOf(descriptor)),
  limit: limitOf(descriptor),
  rights: rightsOf(descriptor),
});

/** What an error code says of a selector: index and table. SDM 3A "Error Code". */
export const selectorCode = (selector: number): number => selector & (SegmentSelector.Index | SegmentSelector.Ti);

/** The descriptors of a guest's GDT and LDT. */
export class GuestDescriptors {
  constructor(
    private readonly vmcs: Vmcs,
    private readonly memory: LinearMemory,
  ) {}

  /** @throws ProcessorFault of `vector` for a selector beyond its table. */
  fetch(selector: number, vector: number): Descriptor {
    return this.read(this.addressOf(selector, vector, descriptorBytes));
  }

  /** The upper half of a descriptor of 16 bytes. @throws ProcessorFault as `fetch` does. */
  fetchUpper(selector: number, vector: number): Descriptor {
    return this.read(this.addressOf(selector, vector, 2 * descriptorBytes) + BigInt(descriptorBytes));
  }

  /** Changes the access byte: type, S, DPL, P. */
  writeAccessByte(selector: number, change: (access: number) => number): void {
    const at = this.addressOf(selector, Vector.GeneralProtection, descriptorBytes) + 5n;
    this.memory.write(at, 1, change(this.memory.read(at, 1, 'system')), 'system');
  }

  private read(at: bigint): Descriptor {
    const high = this.memory.read(at + 4n, 4, 'system');
    return { low: this.memory.read(at, 4, 'system'), high };
  }

  private addressOf(selector: number, vector: number, bytes: number): bigint {
    const offset = selector & SegmentSelector.Index;
    const isLocal = (selector & SegmentSelector.Ti) !== 0;
    const table = isLocal ? readSegment(this.vmcs, 'ldtr') : this.gdt();
    if ((table.rights & AccessRights.Unusable) !== 0 || offset + bytes - 1 > table.limit) {
      throw new ProcessorFault(vector, selectorCode(selector), `selector ${selector} is beyond its table`);
    }
    return table.base + BigInt(offset);
  }

  private gdt(): SegmentRegister {
    const { vmcs } = this;
    return {
      selector: 0,
      base: vmcs.read(VmcsField.GuestGdtrBase),
      limit: vmcs.readLow(VmcsField.GuestGdtrLimit) >>> 0,
      rights: 0,
    };
  }
}

/** Whether a segment lets an access through: usable, of the right type, within its limit. Outside 64-bit mode. SDM 3A "Protection". */
export function allowsAccess(
  vmcs: Vmcs,
  { rights, limit }: SegmentRegister,
  offset: number,
  bytes: number,
  isWrite: boolean,
): boolean {
  if ((rights & AccessRights.Unusable) !== 0) return false;
  return (!checksType(vmcs) || allowsType(rights, isWrite)) && isWithin(rights, limit, offset, offset + bytes - 1);
}

/** Types count in protected mode, but not in virtual-8086 mode. */
function checksType(vmcs: Vmcs): boolean {
  if ((vmcs.readLow(VmcsField.GuestCr0) & Cr0.ProtectionEnable) === 0) return false;
  return (vmcs.readLow(VmcsField.GuestRflags) & Rflags.Virtual8086Mode) === 0;
}

function allowsType(rights: number, isWrite: boolean): boolean {
  const isCode = (rights & SegmentTypeBit.Code) !== 0;
  const hasBit = (rights & SegmentTypeBit.Writable) !== 0;
  return isCode ? !isWrite && hasBit : !isWrite || hasBit;
}

function isWithin(rights: number, limit: number, first: number, last: number): boolean {
  const direction = rights & (SegmentTypeBit.Code | SegmentTypeBit.ExpandDown);
  if (direction === SegmentTypeBit.ExpandDown) {
    return first > limit && last <= ((rights & AccessRights.Db) === 0 ? 0xffff : 0xffffffff);
  }
  return last <= limit || limit === 0xffffffff;
}
