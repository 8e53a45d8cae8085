// SPDX-License-Identifier: LGPL-2.1-only
import { PageTableEntry, PageTableEntryHigh } from '../../intrinsics/structures/memory_structures.js';
import { pageAddressMask } from '../../intrinsics/structures/page_levels.js';
import { MemoryAttribute, patIndexOf } from './memory_attributes.js';
import { X64 } from '../../intrinsics/registers/paging.js';
import { MemoryManagerError } from '../errors.js';
import { hex } from '../support/text.js';

/** Bits of a page-table entry. SDM 3A "4-Level Paging and 5-Level Paging". */
export const PageTableEntryBit = {
  present: BigInt(PageTableEntry.Present),
  rw: BigInt(PageTableEntry.Rw),
  us: BigInt(PageTableEntry.Us),
  pwt: BigInt(PageTableEntry.Pwt),
  pcd: BigInt(PageTableEntry.Pcd),
  accessed: BigInt(PageTableEntry.Accessed),
  dirty: BigInt(PageTableEntry.Dirty),
  /** In a directory: the entry maps a large page. */
  ps: BigInt(PageTableEntry.Ps),
  /** In a page table: bit 2 of the PAT index. */
  pat4k: BigInt(PageTableEntry.Ps),
  global: BigInt(PageTableEntry.Global),
  /** In a large page: bit 2 of the PAT index. */
  patLarge: BigInt(PageTableEntry.PatLarge),
  nx: BigInt(PageTableEntryHigh.Nx) << 32n,
} as const;

const accessBits: Readonly<Record<number, bigint>> = {
  [MemoryAttribute.rw]: PageTableEntryBit.rw | PageTableEntryBit.nx,
  [MemoryAttribute.re]: 0n,
  [MemoryAttribute.pt]: PageTableEntryBit.rw,
};

function patBits(index: number, isLarge: boolean): bigint {
  return (
    ((index & 1) !== 0 ? PageTableEntryBit.pwt : 0n) |
    ((index & 2) !== 0 ? PageTableEntryBit.pcd : 0n) |
    ((index & 4) !== 0 ? (isLarge ? PageTableEntryBit.patLarge : PageTableEntryBit.pat4k) : 0n)
  );
}

/**
 * The entry that maps a page.
 *
 * @param physical page-aligned to the page's size.
 * @param attributes a value of `MemoryAttribute`: access and memory type.
 * @throws MemoryManagerError for invalid attributes, and for an address that is not aligned to a page.
 */
export function leafEntry(physical: bigint, attributes: number, isLarge: boolean): bigint {
  const access = accessBits[attributes & 0xf00];
  const index = patIndexOf[attributes & 0xf];
  if (access === undefined || index === undefined || (attributes & ~0xf0f) !== 0) {
    throw new MemoryManagerError(
      `attributes ${hex(attributes)}: wanted rw 0x1xx, re 0x2xx or pt 0x3xx plus a memory type`,
    );
  }
  if ((physical & ~pageAddressMask) !== 0n) {
    throw new MemoryManagerError(`physical address ${hex(physical)} is not that of a page: wanted bits 51:12 only`);
  }
  const large = isLarge ? PageTableEntryBit.ps : 0n;
  return physical | PageTableEntryBit.present | access | large | patBits(index, isLarge);
}

/** The PAT index of a leaf entry: which of the eight entries of IA32_PAT gives its memory type. */
export function patIndex(entry: bigint, isLarge: boolean): number {
  const high = isLarge ? PageTableEntryBit.patLarge : PageTableEntryBit.pat4k;
  return (
    ((entry & PageTableEntryBit.pwt) !== 0n ? 1 : 0) |
    ((entry & PageTableEntryBit.pcd) !== 0n ? 2 : 0) |
    ((entry & high) !== 0n ? 4 : 0)
  );
}

/** Where the entries of a table are read and written. */
export interface EntryMemory {
  read64(address: bigint): bigint;
  write64(address: bigint, value: bigint): void;
}

/**
 * One entry of a page table, in place: each bit by name. The processor may hold old translations: the caller must execute
 * INVLPG (`Processor`). SDM 3A "4-Level Paging and 5-Level Paging".
 */
export class PageTableEntryX64 {
  /**
   * @param memory that the table lies in.
   * @param address of the entry.
   * @param size of the page that it maps, in bytes.
   */
  constructor(
    private readonly memory: EntryMemory,
    readonly address: bigint,
    readonly size: number = X64.pageSize,
  ) {}

  /** All 64 bits. */
  get value(): bigint {
    return this.memory.read64(this.address);
  }

  set value(value: bigint) {
    this.memory.write64(this.address, value);
  }

  /** The page, or the table, is present. */
  get present(): boolean {
    return this.has(PageTableEntryBit.present);
  }

  set present(value: boolean) {
    this.put(PageTableEntryBit.present, value);
  }

  /** Writes are allowed. */
  get rw(): boolean {
    return this.has(PageTableEntryBit.rw);
  }

  set rw(value: boolean) {
    this.put(PageTableEntryBit.rw, value);
  }

  /** User mode may use it. */
  get us(): boolean {
    return this.has(PageTableEntryBit.us);
  }

  set us(value: boolean) {
    this.put(PageTableEntryBit.us, value);
  }

  /** Bit 0 of the PAT index. */
  get pwt(): boolean {
    return this.has(PageTableEntryBit.pwt);
  }

  set pwt(value: boolean) {
    this.put(PageTableEntryBit.pwt, value);
  }

  /** Bit 1 of the PAT index. */
  get pcd(): boolean {
    return this.has(PageTableEntryBit.pcd);
  }

  set pcd(value: boolean) {
    this.put(PageTableEntryBit.pcd, value);
  }

  /** The processor has used it. */
  get accessed(): boolean {
    return this.has(PageTableEntryBit.accessed);
  }

  set accessed(value: boolean) {
    this.put(PageTableEntryBit.accessed, value);
  }

  /** The processor has written to the page. */
  get dirty(): boolean {
    return this.has(PageTableEntryBit.dirty);
  }

  set dirty(value: boolean) {
    this.put(PageTableEntryBit.dirty, value);
  }

  /** Bit 2 of the PAT index: bit 12 of a large page, bit 7 of one of 4 KiB. */
  get pat(): boolean {
    return this.has(this.isLarge ? PageTableEntryBit.patLarge : PageTableEntryBit.pat4k);
  }

  set pat(value: boolean) {
    this.put(this.isLarge ? PageTableEntryBit.patLarge : PageTableEntryBit.pat4k, value);
  }

  /** Above the last level: it maps a large page. (Bit 7, which is `pat` in the last level.) */
  get ps(): boolean {
    return this.has(PageTableEntryBit.ps);
  }

  set ps(value: boolean) {
    this.put(PageTableEntryBit.ps, value);
  }

  /** Its translations survive a change of CR3. */
  get global(): boolean {
    return this.has(PageTableEntryBit.global);
  }

  set global(value: boolean) {
    this.put(PageTableEntryBit.global, value);
  }

  /** No instruction may be fetched from it. */
  get nx(): boolean {
    return this.has(PageTableEntryBit.nx);
  }

  set nx(value: boolean) {
    this.put(PageTableEntryBit.nx, value);
  }

  /** The physical address of the page, without the bits inside it. */
  get physAddr(): bigint {
    return this.value & this.addressMask;
  }

  set physAddr(physical: bigint) {
    this.value = (this.value & ~this.addressMask) | (physical & this.addressMask);
  }

  /** Which of the eight entries of IA32_PAT gives the memory type. */
  get patIndex(): number {
    return patIndex(this.value, this.isLarge);
  }

  set patIndex(index: number) {
    this.value = (this.value & ~patBits(7, this.isLarge)) | patBits(index, this.isLarge);
  }

  /** All bits 0: nothing is mapped. */
  clear(): void {
    this.value = 0n;
  }

  private get isLarge(): boolean {
    return this.size !== X64.pageSize;
  }

  private get addressMask(): bigint {
    return pageAddressMask & ~BigInt(this.size - 1);
  }

  private has(bit: bigint): boolean {
    return (this.value & bit) !== 0n;
  }

  private put(bit: bigint, isSet: boolean): void {
    this.value = isSet ? this.value | bit : this.value & ~bit;
  }
}
