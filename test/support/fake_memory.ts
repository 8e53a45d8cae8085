// SPDX-License-Identifier: LGPL-2.1-only
import { VmmPageFault } from '../../src/intrinsics/errors.js';
import type { MemoryRegion, PhysicalRange, VmmMemory } from '../../src/intrinsics/instructions/vmm_memory.js';

const pageBytes = 4096;
const presentBit = 1n;
const writeBit = 2n;
const addressMask = 0x000f_ffff_ffff_f000n;

/**
 * The VMM's memory for tests: physical pages in a map, a region of 64 MiB, and translation by the root table as soon as there is one. OS-linear
 * addresses are physical ones.
 */
export class FakeMemory implements VmmMemory {
  readonly regions: readonly MemoryRegion[] = [
    { virtual: 0xffff_8000_0000_0000n, physical: 0x1_0000_0000n, size: 64 * 1024 * 1024 },
  ];
  readonly unbacked: PhysicalRange = { physical: 0x7f_f000_0000n, size: 64 * 1024 * 1024 };
  readonly pages = new Map<bigint, Uint8Array>();
  root: bigint | undefined;

  useRootTable(cr3: bigint): void {
    this.root = cr3 === 0n ? undefined : cr3 & addressMask;
  }

  read8(address: bigint): number {
    return this.readBytes(address, 1)[0]!;
  }

  read16(address: bigint): number {
    return Number(this.number(address, 2));
  }

  read32(address: bigint): number {
    return Number(this.number(address, 4));
  }

  read64(address: bigint): bigint {
    return (address & 7n) === 0n ? this.readPhysical64(this.translate(address, 'read')) : this.number(address, 8);
  }

  readHalves(addressLow: number, addressHigh: number, result: Uint32Array): void {
    const value = this.read64((BigInt(addressHigh) << 32n) | BigInt(addressLow));
    result[0] = Number(value & 0xffffffffn);
    result[1] = Number(value >> 32n);
  }

  write8(address: bigint, value: number): void {
    this.store(address, 1, BigInt(value));
  }

  write16(address: bigint, value: number): void {
    this.store(address, 2, BigInt(value));
  }

  write32(address: bigint, value: number): void {
    this.store(address, 4, BigInt(value >>> 0));
  }

  write64(address: bigint, value: bigint): void {
    if ((address & 7n) === 0n) this.writePhysical64(this.translate(address, 'write'), value);
    else this.store(address, 8, value);
  }

  readBytes(address: bigint, size: number): Uint8Array {
    const result = new Uint8Array(size);
    this.each(address, size, 'read', (page, offset, at, count) =>
      result.set(page.subarray(offset, offset + count), at),
    );
    return result;
  }

  writeBytes(address: bigint, bytes: Uint8Array): void {
    this.each(address, bytes.length, 'write', (page, offset, at, count) =>
      page.set(bytes.subarray(at, at + count), offset),
    );
  }

  readOsLinear64(address: bigint): bigint {
    return this.readPhysical64(address);
  }

  writeOsLinear64(address: bigint, value: bigint): void {
    this.writePhysical64(address, value);
  }

  /** Loads at a physical address; pages come up zeroed. */
  readPhysical64(address: bigint): bigint {
    return this.words(address)[Number(address & 0xfffn) >> 3]!;
  }

  writePhysical64(address: bigint, value: bigint): void {
    this.words(address)[Number(address & 0xfffn) >> 3] = value;
  }

  /** The page at a physical address, as 512 words. */
  private words(physical: bigint): BigUint64Array {
    return new BigUint64Array(this.page(physical).buffer);
  }

  /** The page at a physical address. */
  page(physical: bigint): Uint8Array<ArrayBuffer> {
    const base = physical & ~0xfffn;
    let page = this.pages.get(base);
    if (page === undefined) this.pages.set(base, (page = new Uint8Array(pageBytes)));
    return page as Uint8Array<ArrayBuffer>;
  }

  /** The physical address of a VMM-virtual one. @throws VmmPageFault */
  translate(address: bigint, access: 'read' | 'write'): bigint {
    return this.root === undefined ? this.byRegion(address, access) : this.byTable(address, access);
  }

  private byRegion(address: bigint, access: 'read' | 'write'): bigint {
    const region = this.regions.find((each) => address >= each.virtual && address < each.virtual + BigInt(each.size));
    if (region === undefined) throw new VmmPageFault(address, access);
    return region.physical + (address - region.virtual);
  }

  private byTable(address: bigint, access: 'read' | 'write'): bigint {
    let table = this.root!;
    for (const shift of [39n, 30n, 21n, 12n]) {
      const entry = this.readPhysical64(table + ((address >> shift) & 0x1ffn) * 8n);
      const isLeaf = shift === 12n || (shift < 39n && (entry & 0x80n) !== 0n);
      if ((entry & presentBit) === 0n) throw new VmmPageFault(address, access, `entry ${entry.toString(16)}`);
      if (isLeaf && access === 'write' && (entry & writeBit) === 0n)
        throw new VmmPageFault(address, access, 'read-only');
      const mask = (1n << shift) - 1n;
      if (isLeaf) return (entry & addressMask & ~mask) | (address & mask);
      table = entry & addressMask;
    }
    throw new Error('unreachable');
  }

  private each(
    address: bigint,
    size: number,
    access: 'read' | 'write',
    body: (page: Uint8Array, offset: number, at: number, count: number) => void,
  ): void {
    for (let at = 0; at < size;) {
      const physical = this.translate(address + BigInt(at), access);
      const offset = Number(physical & 0xfffn);
      const count = Math.min(pageBytes - offset, size - at);
      body(this.page(physical), offset, at, count);
      at += count;
    }
  }

  private number(address: bigint, size: number): bigint {
    return this.readBytes(address, size).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  private store(address: bigint, size: number, value: bigint): void {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at++) bytes[at] = Number((value >> BigInt(8 * at)) & 0xffn);
    this.writeBytes(address, bytes);
  }
}
