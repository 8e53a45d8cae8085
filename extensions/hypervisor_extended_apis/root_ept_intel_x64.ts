// SPDX-License-Identifier: LGPL-2.1-only
import { VmcsError } from 'bareflank';
import type { Ept, EptView, MemoryDescriptor, PageSize } from 'bareflank';
import { decodeEptAttribute, EptAttribute } from './ept_attributes.js';
import { EptEntryIntelX64 } from './ept_entry_intel_x64.js';

const size4k = 0x1000;
const size2m = 0x200000;
const size1g = 0x40000000;
/** Where the base map of `Ept` ends. */
const baseEnd = 1n << 39n;

/**
 * A map of guest-physical memory, with the methods of extended_apis 1.1's class of this name. As in 1.1 it begins empty. It is a view of the owner
 * `Ept`: `Ept` splits and joins its pages, invalidates cached translations, combines it with the views of other extensions, and keeps it from
 * leading to the VMM's own memory. `ExtendedApisIntelX64.rootEpt` makes one; `setEptp` uses it.
 */
export class RootEptIntelX64 {
  constructor(
    private readonly ept: Ept,
    private readonly view: EptView,
  ) {}

  /** The EPT pointer, for `setEptp`. */
  eptp(): bigint {
    return this.view.pointer;
  }

  /** @param attribute of `EptAttribute`. @throws VmcsError, as the other map methods do. Addresses are rounded down to a page. */
  map1g(gpa: bigint, phys: bigint, attribute: number): void {
    this.map(gpa, phys, attribute, size1g);
  }

  map2m(gpa: bigint, phys: bigint, attribute: number): void {
    this.map(gpa, phys, attribute, size2m);
  }

  map4k(gpa: bigint, phys: bigint, attribute: number): void {
    this.map(gpa, phys, attribute, size4k);
  }

  /** Unmaps the page that maps an address, whatever its size. Does nothing if none does. */
  unmap(gpa: bigint): void {
    this.view.unmap(gpa);
  }

  /**
   * Maps addresses to themselves, all accesses, write-back. The VMM's own memory stays out. There the guest sees what the base map of `Ept` shows.
   *
   * @param eaddr the end, exclusive. @throws VmcsError for addresses that are not aligned to the pages.
   */
  setupIdentityMap1g(saddr: bigint, eaddr: bigint): void {
    this.setupIdentityMap(saddr, eaddr, size1g);
  }

  setupIdentityMap2m(saddr: bigint, eaddr: bigint): void {
    this.setupIdentityMap(saddr, eaddr, size2m);
  }

  setupIdentityMap4k(saddr: bigint, eaddr: bigint): void {
    this.setupIdentityMap(saddr, eaddr, size4k);
  }

  /** Unmaps exactly a range: a larger page that extends beyond it is split. */
  unmapIdentityMap1g(saddr: bigint, eaddr: bigint): void {
    this.unmapIdentityMap(saddr, eaddr, size1g);
  }

  unmapIdentityMap2m(saddr: bigint, eaddr: bigint): void {
    this.unmapIdentityMap(saddr, eaddr, size2m);
  }

  unmapIdentityMap4k(saddr: bigint, eaddr: bigint): void {
    this.unmapIdentityMap(saddr, eaddr, size4k);
  }

  /** @throws VmcsError if nothing maps the address. */
  gpaToEpte(gpa: bigint): EptEntryIntelX64 {
    return new EptEntryIntelX64(this.view.entry(gpa));
  }

  /** The memory descriptors of the tables themselves, root first. */
  eptToMdl(): MemoryDescriptor[] {
    return this.view.tablesToDescriptors();
  }

  private map(gpa: bigint, phys: bigint, attribute: number, size: PageSize): void {
    const { access, memoryType } = decodeEptAttribute(attribute);
    const mask = ~(BigInt(size) - 1n);
    this.view.map(gpa & mask, phys & mask, size, access, memoryType);
  }

  private setupIdentityMap(saddr: bigint, eaddr: bigint, size: PageSize): void {
    checkRange(saddr, eaddr, size);
    const end = eaddr < baseEnd ? eaddr : baseEnd;
    for (let at = saddr; at < end; at += BigInt(size)) this.mapIncluded(at, size);
  }

  /** Maps a page as the base map has it. */
  private mapIncluded(at: bigint, size: PageSize): void {
    if (!this.ept.excludes(at, BigInt(size))) return this.map(at, at, EptAttribute.ptWb, size);
    if (size === size4k) return this.view.restore(at);
    const smaller = size === size1g ? size2m : size4k;
    for (let part = at; part < at + BigInt(size); part += BigInt(smaller)) this.mapIncluded(part, smaller);
  }

  private unmapIdentityMap(saddr: bigint, eaddr: bigint, size: PageSize): void {
    checkRange(saddr, eaddr, size);
    this.view.unmapRange(saddr, eaddr);
  }
}

function checkRange(saddr: bigint, eaddr: bigint, size: number): void {
  if (((saddr | eaddr) & (BigInt(size) - 1n)) === 0n && saddr >= 0n) return;
  throw new VmcsError(
    `identity map 0x${saddr.toString(16)} … 0x${eaddr.toString(16)} is not aligned to its pages of 0x${size.toString(16)} bytes`,
  );
}
