// SPDX-License-Identifier: LGPL-2.1-only
import { PageTableEntry } from '../../intrinsics/structures/memory_structures.js';
import { VmmPageFault } from '../../intrinsics/errors.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { MemoryRegion, PhysicalRange, VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { Constants } from '../layout/core_constants.js';
import { Sizes } from '../layout/regions.js';
import { carveOutPhysical, carveOutVirtual } from '../driver_context/driver_pages.js';
import { slotOf } from '../vmx/vmcs/field_slots.js';
import { addressIn } from '../vmx/exit/vm_exit.js';
import type { MemoryWriter } from '../memory/memory_writer.js';
import type { Execution } from './execution.js';
import { fromHalves, highHalf, lowHalf } from '../processor/halves.js';

const hostCr3 = slotOf(VmcsField.HostCr3);
const pageBytes = 4096;

type Access = 'read' | 'write';

/**
 * Loads and stores of the VMM, at addresses that its page table translates: the one that host CR3 names once a guest runs, before that the
 * root table given to `useRootTable`, and before that the driver's own map of the regions. SDM 3A "4-Level Paging".
 */
export class MachineVmmMemory implements VmmMemory {
  readonly unbacked: PhysicalRange;
  readonly regions: readonly MemoryRegion[] = [
    { virtual: carveOutVirtual, physical: BigInt(carveOutPhysical), size: Constants.CARVE_OUT_VMM_BYTES },
  ];
  private rootTable = -1;

  constructor(private readonly execution: Execution) {
    // The end of the physical address space: RAM, devices and the carve-out are far below.
    const end = 2 ** execution.processor.core.physicalAddressWidth;
    this.unbacked = { physical: BigInt(end - Sizes.CARVE_OUT), size: Sizes.CARVE_OUT };
  }

  useRootTable(cr3: bigint): void {
    this.rootTable = cr3 === 0n ? -1 : Number(cr3 & 0x000f_ffff_ffff_f000n);
  }

  read8(address: bigint): number {
    return this.u8[this.offsetOf(address, 1, 'read')]!;
  }

  read16(address: bigint): number {
    const at = this.within(address, 2, 'read');
    return at < 0 ? this.assemble(address, 2) : this.u8[at]! | (this.u8[at + 1]! << 8);
  }

  read32(address: bigint): number {
    const at = this.within(address, 4, 'read');
    if (at < 0 || (at & 3) !== 0) return this.assemble(address, 4) >>> 0;
    return this.execution.u32[at >>> 2]!;
  }

  read64(address: bigint): bigint {
    const at = this.within(address, 8, 'read');
    if (at >= 0 && (at & 3) === 0)
      return fromHalves(this.execution.u32[at >>> 2]!, this.execution.u32[(at >>> 2) + 1]!);
    this.offsetOf(address + 7n, 1, 'read');
    return fromHalves(this.assemble(address, 4), this.assemble(address + 4n, 4));
  }

  readHalves(addressLow: number, addressHigh: number, result: Uint32Array): void {
    const { u32 } = this.execution;
    const isWithin = (addressLow & 3) === 0 && (addressLow & (pageBytes - 1)) <= pageBytes - 8;
    const at = isWithin ? this.offsetAt(addressLow, addressHigh, 8, 'read') : -1;
    if (at >= 0) {
      result[0] = u32[at >>> 2]!;
      result[1] = u32[(at >>> 2) + 1]!;
      return;
    }
    const value = this.read64(fromHalves(addressLow, addressHigh));
    result[0] = lowHalf(value);
    result[1] = highHalf(value);
  }

  write8(address: bigint, value: number): void {
    this.store(address, [value]);
  }

  write16(address: bigint, value: number): void {
    this.store(address, [value, value >>> 8]);
  }

  write32(address: bigint, value: number): void {
    const at = this.within(address, 4, 'write');
    if (at < 0 || (at & 3) !== 0) {
      this.store(address, [value, value >>> 8, value >>> 16, value >>> 24]);
      return;
    }
    this.writer.write32(at, value);
  }

  write64(address: bigint, value: bigint): void {
    const low = lowHalf(value);
    const high = highHalf(value);
    const at = this.within(address, 8, 'write');
    if (at < 0 || (at & 3) !== 0) {
      this.store(address, [low, low >>> 8, low >>> 16, low >>> 24, high, high >>> 8, high >>> 16, high >>> 24]);
      return;
    }
    this.writer.write64(at, low, high);
  }

  readBytes(address: bigint, size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    this.eachPiece(address, size, 'read', (at, done, length) => bytes.set(this.u8.subarray(at, at + length), done));
    return bytes;
  }

  writeBytes(address: bigint, bytes: Uint8Array): void {
    this.store(address, bytes);
  }

  readOsLinear64(address: bigint): bigint {
    let value = 0n;
    for (let i = 7n; i >= 0n; i--) value = (value << 8n) | BigInt(this.u8[this.osOffset(address + i, 'read')]!);
    return value;
  }

  writeOsLinear64(address: bigint, value: bigint): void {
    const offsets = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map((i) => this.osOffset(address + i, 'write'));
    offsets.forEach((at, i) => this.writer.write(at, [Number((value >> BigInt(8 * i)) & 0xffn)]));
  }

  private get u8(): Uint8Array {
    return this.execution.processor.core.u8;
  }

  /** Physical address of the top table, −1 while the driver's map of the regions is in use. */
  private get topTable(): number {
    const { engine } = this.execution.processor;
    // A VM exit is what loads host CR3; the VMCS of a processor that has launched names it.
    if (engine.vmcs.region >= 0 && engine.vmcs.launchedIn !== 0) {
      return Math.floor((addressIn(engine.vmcs, hostCr3) % 2 ** 52) / pageBytes) * pageBytes;
    }
    return this.rootTable;
  }

  private osOffset(address: bigint, access: Access): number {
    const { core } = this.execution.processor;
    const physical = core.translate(address);
    const at = physical < 0 ? -1 : core.accessOffset(physical);
    if (at < 0) throw new VmmPageFault(address, access, 'the running system’s own CR3 does not map it to memory');
    return at;
  }

  /** Checks the whole range before it calls `use` for each piece within a page, so that a miss touches nothing. */
  private eachPiece(
    address: bigint,
    size: number,
    access: Access,
    use: (at: number, done: number, length: number) => void,
  ): void {
    const pieces: [at: number, done: number, length: number][] = [];
    for (let done = 0; done < size;) {
      const from = address + BigInt(done);
      const length = Math.min(size - done, pageBytes - (lowHalf(from) & (pageBytes - 1)));
      pieces.push([this.offsetOf(from, length, access), done, length]);
      done += length;
    }
    for (const [at, done, length] of pieces) use(at, done, length);
  }

  private store(address: bigint, bytes: ArrayLike<number>): void {
    this.eachPiece(address, bytes.length, 'write', (at, done, length) => this.writer.write(at, bytes, done, length));
  }

  /** Writes memory for the VMM: the next VM entry of each processor must know that it did, since all of them may walk the same tables. */
  private get writer(): MemoryWriter {
    this.execution.memoryWritten();
    return this.execution.writer;
  }

  private assemble(address: bigint, size: number): number {
    this.offsetOf(address + BigInt(size - 1), 1, 'read');
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = (value << 8) | this.u8[this.offsetOf(address + BigInt(i), 1, 'read')]!;
    return value;
  }

  /** Offset in the machine's memory of an access that stays within its page, −1 for one that crosses. */
  private within(address: bigint, size: number, access: Access): number {
    if ((lowHalf(address) & (pageBytes - 1)) + size > pageBytes) return -1;
    return this.offsetOf(address, size, access);
  }

  private offsetOf(address: bigint, size: number, access: Access): number {
    return this.offsetAt(lowHalf(address), highHalf(address), size, access);
  }

  /** The same for an address in two halves. */
  private offsetAt(low: number, high: number, size: number, access: Access): number {
    const { core } = this.execution.processor;
    const top = this.topTable;
    const physical = top < 0 ? regionAddress(low, high, size) : this.walk(top, low, high, access);
    if (physical < 0) throw this.miss(low, high, access, top);
    const at = core.vmmOffset(physical);
    if (at >= 0) return at;
    const where = `it is mapped to physical 0x${physical.toString(16)}, where there is no memory`;
    throw new VmmPageFault(fromHalves(low, high), access, where);
  }

  private miss(low: number, high: number, access: Access, top: number): VmmPageFault {
    const address = fromHalves(low, high);
    const why = top < 0 ? 'no root page table is in use yet, and no region has it' : this.explainWalk(top, address);
    return new VmmPageFault(address, access, why);
  }

  /** Physical address by a walk of four levels, −1 if an entry is not present or forbids the store. */
  private walk(top: number, low: number, high: number, access: Access): number {
    const { core } = this.execution.processor;
    const { u32 } = this.execution;
    if (!isCanonical(high)) return -1;
    let table = top;
    for (let level = 3; level >= 0; level--) {
      const at = core.vmmOffset(table + 8 * indexAt(low, high, level));
      if (at < 0) return -1;
      const entry = u32[at >>> 2]!;
      if ((entry & PageTableEntry.Present) === 0 || (access === 'write' && (entry & PageTableEntry.Rw) === 0))
        return -1;
      const frame = (u32[(at >>> 2) + 1]! & 0xfffff) * 0x1_0000_0000 + ((entry & 0xfffff000) >>> 0);
      if (level === 0 || ((entry & PageTableEntry.Ps) !== 0 && level < 3)) return pagePart(frame, low, level);
      table = frame;
    }
    return -1;
  }

  /** Which entry of the walk stops it, for the message. */
  private explainWalk(top: number, address: bigint): string {
    const { core } = this.execution.processor;
    const low = lowHalf(address);
    const high = highHalf(address);
    let table = top;
    for (let level = 3; level >= 0; level--) {
      const where = table + 8 * indexAt(low, high, level);
      const at = core.vmmOffset(where);
      const entry = at < 0 ? 0n : fromHalves(core.u32[at >>> 2]!, core.u32[(at >>> 2) + 1]!);
      const text = `${['PTE', 'PDE', 'PDPTE', 'PML4E'][level]} at physical 0x${where.toString(16)} is 0x${entry.toString(16)}`;
      if ((entry & 3n) !== 3n || level === 0) return text;
      table = Number(entry & 0x000f_ffff_ffff_f000n);
    }
    return `CR3 is 0x${top.toString(16)}`;
  }
}

const regionLow = lowHalf(carveOutVirtual);
const regionHigh = highHalf(carveOutVirtual);

/** Physical address by the driver's map of the carve-out, −1 outside it. */
function regionAddress(low: number, high: number, size: number): number {
  const offset = (high - regionHigh) * 0x1_0000_0000 + (low - regionLow);
  return offset >= 0 && offset + size <= Sizes.CARVE_OUT ? carveOutPhysical + offset : -1;
}

function isCanonical(high: number): boolean {
  const top = (high | 0) >> 15;
  return top === 0 || top === -1;
}

/** Nine bits of the address: the index into the table of a level, 3 the top. */
function indexAt(low: number, high: number, level: number): number {
  if (level === 0) return (low >>> 12) & 0x1ff;
  if (level === 1) return (low >>> 21) & 0x1ff;
  if (level === 2) return ((low >>> 30) | (high << 2)) & 0x1ff;
  return (high >>> 7) & 0x1ff;
}

const pageSizes = [0x1000, 0x200000, 0x40000000] as const;

/** Frame plus the offset within a page of 4 KiB, 2 MiB or 1 GiB. */
function pagePart(frame: number, low: number, level: number): number {
  const size = pageSizes[level]!;
  return Math.floor(frame / size) * size + (low & (size - 1));
}
