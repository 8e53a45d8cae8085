// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { MemoryAttribute } from './memory_attributes.js';
import { isCanonicalHigh } from '../../intrinsics/contents/msr_values.js';
import { X64 } from '../../intrinsics/registers/paging.js';
import { VmmPageFault } from '../../intrinsics/errors.js';
import { Processor } from '../../intrinsics/instructions/processor.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { MemoryManagerError } from '../errors.js';
import { derived } from '../state/state.js';
import { withRollback } from '../support/rollback.js';
import { hex } from '../support/text.js';
import type { GuestAccess, GuestMemory } from './guest_memory.js';
import { MemoryManager } from './memory_manager.js';
import { GuestWalk } from './guest_walk.js';
import { PhysicalWindow } from './physical_window.js';
import { RootPageTable } from './root_page_table.js';
import { UniqueMapPtrX64 } from './unique_map_ptr_x64.js';

const pageMask = 0xfffn;
/** The value that an undriven bus reads as. */
const openBus = 0xffff_ffff_ffff_ffffn;
const twoTo32 = 0x1_0000_0000;

function notCanonical(virtual: bigint): MemoryManagerError {
  return new MemoryManagerError(`guest-virtual ${hex(virtual)} is not canonical`);
}

/** @throws MemoryManagerError unless bits 63:47 are equal. SDM 1 "Canonical Addressing" */
function checkCanonical(virtual: bigint): void {
  if (virtual >> 64n !== 0n || !isCanonicalHigh(Number(virtual >> 32n), 48)) throw notCanonical(virtual);
}

interface PhysicalPage {
  readonly physical: bigint;
  readonly attributes: number;
}

/** A piece of the VMM's own memory, in numbers. */
interface OwnRange {
  readonly first: number;
  readonly end: number;
}

/**
 * Reads and writes memory of guests through the window on physical memory, and maps it into the map pool. Guest-physical is physical: the base
 * map of `Ept` is the identity.
 */
@injectable()
export class GuestMemoryX64 implements GuestMemory {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(RootPageTable) protected readonly rootPageTable!: RootPageTable;
  @inject(VmmMemory) readonly memory!: VmmMemory;
  @inject(Processor) protected readonly processor!: Processor;
  @inject(PhysicalWindow) protected readonly window!: PhysicalWindow;
  @derived() private own: readonly OwnRange[] | undefined;
  /** An address or a value in two halves, and the same as one number. */
  @derived() private readonly address = new Uint32Array(2);
  @derived() private readonly address64 = new BigUint64Array(this.address.buffer);
  @derived() private readonly root = new Uint32Array(2);
  @derived() private readonly root64 = new BigUint64Array(this.root.buffer);
  @derived() private readonly value = new Uint32Array(2);
  @derived() private readonly value64 = new BigUint64Array(this.value.buffer);
  @derived() private readonly walks = new GuestWalk((low, high, result) => this.load(low, high, result));

  mapPage(physical: bigint, attributes: number = MemoryAttribute.rwWb): UniqueMapPtrX64 {
    if ((physical & pageMask) !== 0n) throw new MemoryManagerError(`${hex(physical)} is not the address of a page`);
    return this.map([{ physical, attributes }], 0n, X64.pageSize);
  }

  mapPhysical(
    pages: readonly { readonly physical: bigint; readonly bytes: number }[],
    attributes: number = MemoryAttribute.rwWb,
  ): UniqueMapPtrX64 {
    const [first] = pages;
    if (first === undefined) throw new MemoryManagerError('a map of no memory');
    checkPieces(pages);
    const list = pages.flatMap(({ physical, bytes }) => this.pagesOf(physical, bytes, attributes));
    const size = pages.reduce((sum, { bytes }) => sum + bytes, 0);
    return this.map(list, first.physical & pageMask, size);
  }

  mapVirtual(virtual: bigint, cr3: bigint, bytes: number, pat: bigint, access?: GuestAccess): UniqueMapPtrX64 {
    if (virtual === 0n || bytes <= 0)
      throw new MemoryManagerError(`a map of ${bytes} bytes at guest-virtual ${hex(virtual)}`);
    // Check the end too: a range that leaves the address space is wrong, whatever is mapped at its beginning.
    for (const end of [virtual, virtual + BigInt(bytes) - 1n]) checkCanonical(end);
    const list: PhysicalPage[] = [];
    for (let at = virtual & ~pageMask; at < virtual + BigInt(bytes); at += BigInt(X64.pageSize)) {
      const physical = this.translate(at, cr3, access);
      const memoryType = Number((pat >> BigInt(8 * this.walks.patIndex)) & 7n);
      list.push({ physical: physical & ~pageMask, attributes: MemoryAttribute.rw | memoryType });
    }
    return this.map(list, virtual & pageMask, bytes);
  }

  adopt(virtual: bigint, bytes: number): UniqueMapPtrX64 {
    const base = virtual & ~pageMask;
    if (virtual === 0n || this.manager.sizeMap(base) < Number(virtual & pageMask) + bytes) {
      throw new MemoryManagerError(`${hex(virtual)} is not a map of ${bytes} bytes that can be adopted`);
    }
    return new UniqueMapPtrX64(this, { base, mappedBytes: this.manager.sizeMap(base), address: virtual, size: bytes });
  }

  empty(): UniqueMapPtrX64 {
    return new UniqueMapPtrX64(this);
  }

  virtualToPhysical(virtual: bigint, cr3: bigint): bigint {
    return this.translate(virtual, cr3);
  }

  readPhysical64(physical: bigint): bigint {
    const { address, value } = this;
    this.address64[0] = physical;
    this.load(address[0]!, address[1]!, value);
    return this.value64[0]!;
  }

  writePhysical64(physical: bigint, value: bigint): void {
    this.memory.write64(this.place(physical, 8), value);
  }

  readPhysical(physical: bigint, bytes: number): Uint8Array {
    return this.memory.readBytes(this.place(physical, bytes), bytes);
  }

  writePhysical(physical: bigint, data: Uint8Array): void {
    if (data.length > 0) this.memory.writeBytes(this.place(physical, data.length), data);
  }

  readVirtual64(virtual: bigint, cr3: bigint, access?: GuestAccess): bigint {
    const { value, walks } = this;
    this.find(virtual, cr3, access);
    if ((this.address[0]! & 0xfff) > 0xff8) return wordOf(this.readVirtual(virtual, cr3, 8, access));
    this.load(walks.physical[0]!, walks.physical[1]!, value);
    return this.value64[0]!;
  }

  writeVirtual64(virtual: bigint, cr3: bigint, value: bigint, access?: GuestAccess): void {
    this.writeVirtual(virtual, cr3, bytesOf(value), access);
  }

  readVirtual(virtual: bigint, cr3: bigint, bytes: number, access?: GuestAccess): Uint8Array {
    const result = new Uint8Array(bytes);
    this.eachPage(virtual, cr3, bytes, access, (physical, done, count) =>
      result.set(this.readPhysical(physical, count), done),
    );
    return result;
  }

  writeVirtual(virtual: bigint, cr3: bigint, data: Uint8Array, access?: GuestAccess): void {
    this.eachPage(virtual, cr3, data.length, access, (physical, done, count) =>
      this.writePhysical(physical, data.subarray(done, done + count)),
    );
  }

  readAsGuest64(physical: bigint): bigint {
    return this.asGuest(physical, 8, () => this.readPhysical64(physical)) ?? openBus;
  }

  readAsGuest(physical: bigint, bytes: number): Uint8Array {
    const found = this.asGuest(physical, bytes, () => this.readPhysical(physical, bytes));
    return found ?? new Uint8Array(bytes).fill(0xff);
  }

  writeAsGuest(physical: bigint, data: Uint8Array): void {
    this.asGuest(physical, data.length, () => this.writePhysical(physical, data));
  }

  /** For maps. */
  unmap(virtual: bigint, bytes: number): void {
    for (let at = 0; at < bytes; at += X64.pageSize) this.rootPageTable.unmap(virtual + BigInt(at));
    this.manager.freeMap(virtual);
  }

  /** For maps. */
  flushPage(address: bigint): void {
    this.processor.invlpg(address);
  }

  /** For maps. */
  flushLine(address: bigint): void {
    this.processor.clflush(address);
  }

  /** What an access gives, or undefined where the guest finds no memory. */
  private asGuest<T>(physical: bigint, bytes: number, access: () => T): T | undefined {
    if (this.isOwnMemory(Number(physical), bytes)) return undefined;
    try {
      return access();
    } catch (error) {
      if (error instanceof VmmPageFault) return undefined;
      throw error;
    }
  }

  /** Walks the guest's page table: `walks` has the result. */
  private find(virtual: bigint, cr3: bigint, access: GuestAccess | undefined): void {
    const { address, root } = this;
    this.address64[0] = virtual;
    this.root64[0] = cr3;
    if (virtual < 0n || virtual >> 64n !== 0n) throw notCanonical(virtual);
    this.walks.walk(address[0]!, address[1]!, root[0]!, root[1]!, access);
  }

  private translate(virtual: bigint, cr3: bigint, access?: GuestAccess): bigint {
    this.find(virtual, cr3, access);
    const { physical } = this.walks;
    return (BigInt(physical[1]!) << 32n) | BigInt(physical[0]!);
  }

  /** Translates a whole range before it calls `use` for each piece within a page, so that a miss touches nothing. */
  private eachPage(
    virtual: bigint,
    cr3: bigint,
    bytes: number,
    access: GuestAccess | undefined,
    use: (physical: bigint, done: number, count: number) => void,
  ): void {
    const pieces: [physical: bigint, done: number, count: number][] = [];
    for (let done = 0; done < bytes;) {
      const physical = this.translate(virtual + BigInt(done), cr3, access);
      const count = Math.min(bytes - done, X64.pageSize - Number(physical & pageMask));
      this.refuseOwnMemory(Number(physical), count);
      pieces.push([physical, done, count]);
      done += count;
    }
    for (const [physical, done, count] of pieces) use(physical, done, count);
  }

  /** Reads 64 bits of guest-physical memory without allocation. */
  private load(low: number, high: number, result: Uint32Array): void {
    this.refuseOwnMemory(high * twoTo32 + low, 8);
    this.memory.readHalves(low, this.window.highAt(low, high), result);
  }

  /** The VMM-virtual address of guest-physical memory. */
  private place(physical: bigint, bytes: number): bigint {
    this.refuseOwnMemory(Number(physical), bytes);
    return this.window.addressOf(physical, bytes);
  }

  private pagesOf(physical: bigint, bytes: number, attributes: number): PhysicalPage[] {
    const list: PhysicalPage[] = [];
    for (let at = physical & ~pageMask; at < physical + BigInt(bytes); at += BigInt(X64.pageSize)) {
      list.push({ physical: at, attributes });
    }
    return list;
  }

  private map(pages: readonly PhysicalPage[], offset: bigint, size: number): UniqueMapPtrX64 {
    for (const { physical } of pages) this.refuseOwnMemory(Number(physical), X64.pageSize);
    const bytes = pages.length * X64.pageSize;
    return withRollback((rollback) => {
      const base = this.manager.allocMap(bytes);
      rollback.onFailure(() => this.unmap(base, bytes));
      pages.forEach(({ physical, attributes }, index) => {
        const virtual = base + BigInt(index * X64.pageSize);
        this.rootPageTable.map4k(virtual, physical, attributes);
      });
      return new UniqueMapPtrX64(this, { base, mappedBytes: bytes, address: base + offset, size });
    });
  }

  private refuseOwnMemory(physical: number, bytes: number): void {
    if (!this.isOwnMemory(physical, bytes)) return;
    throw new MemoryManagerError(`physical page ${hex(physical)} is the VMM's own; a guest cannot name it`);
  }

  private isOwnMemory(physical: number, bytes: number): boolean {
    const own = (this.own ??= this.manager.ownMemory().map((each) => ({
      first: Number(each.physical),
      end: Number(each.physical) + each.bytes,
    })));
    for (let index = 0; index < own.length; index++) {
      const { first, end } = own[index]!;
      if (physical < end && physical + bytes > first) return true;
    }
    return false;
  }
}

const wordOf = (bytes: Uint8Array): bigint => new BigUint64Array(bytes.buffer)[0]!;
const bytesOf = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(value).buffer);

/** The bytes of the pieces follow each other in the map: only the first may begin, and only the last may end, inside a page. */
function checkPieces(pages: readonly { readonly physical: bigint; readonly bytes: number }[]): void {
  pages.forEach(({ physical, bytes }, index) => {
    const begins = index === 0 || (physical & pageMask) === 0n;
    const ends = index === pages.length - 1 || ((physical + BigInt(bytes)) & pageMask) === 0n;
    if (bytes > 0 && begins && ends) return;
    throw new MemoryManagerError(
      `piece ${index} of a map, ${bytes} bytes at ${hex(physical)}, leaves a gap: pieces must meet at page boundaries`,
    );
  });
}
