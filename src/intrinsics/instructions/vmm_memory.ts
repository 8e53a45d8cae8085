// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

/** A range of physical addresses. */
export interface PhysicalRange {
  /** Physical address of its first byte. */
  readonly physical: bigint;
  /** Bytes, a multiple of 4096. */
  readonly size: number;
}

/** A contiguous piece of memory that the driver gave to the VMM. */
export interface MemoryRegion extends PhysicalRange {
  /** VMM-virtual address of its first byte. */
  readonly virtual: bigint;
}

/**
 * Loads and stores of the VMM at VMM-virtual addresses. They are translated by the page table that host CR3 names (before the launch:
 * by the root page table's CR3, and before there is one, by the driver's map of the regions). A miss or a forbidden access throws
 * `VmmPageFault(address, access)` and touches nothing.
 */
export interface VmmMemory {
  /** The memory that the VMM may use. It exists from reset on. */
  readonly regions: readonly MemoryRegion[];
  /**
   * Physical addresses where neither memory nor a device answers: a read gives all ones, and a write is lost. EPT shows guests this range instead of the
   * regions. It is at least as large as the largest region.
   */
  readonly unbacked: PhysicalRange;
  /** Makes `cr3` the table that translates until the first VM exit loads host CR3. 0: the driver's map of the regions again, at unload. */
  useRootTable(cr3: bigint): void;
  read8(address: bigint): number;
  read16(address: bigint): number;
  read32(address: bigint): number;
  read64(address: bigint): bigint;
  /** `read64` without allocation, for the exit path: address and result are two unsigned halves, the low one first. */
  readHalves(addressLow: number, addressHigh: number, result: Uint32Array): void;
  write8(address: bigint, value: number): void;
  write16(address: bigint, value: number): void;
  write32(address: bigint, value: number): void;
  write64(address: bigint, value: bigint): void;
  /** Copies a range out; it may cross pages. */
  readBytes(address: bigint, size: number): Uint8Array;
  /** Copies a range in; it may cross pages. */
  writeBytes(address: bigint, bytes: Uint8Array): void;
  /** Loads of the running OS's own linear memory (its GDT and TSS), through its CR3. */
  readOsLinear64(address: bigint): bigint;
  /** Stores to it (the busy bit of its TSS descriptor), through its CR3; for the time before a launch and the end of `promote`. */
  writeOsLinear64(address: bigint, value: bigint): void;
}
export const VmmMemory = component<VmmMemory>('bareflank.intrinsics.VmmMemory', 'vmm');
