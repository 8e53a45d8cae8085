// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable, optional } from 'inversify';
import { Limit, defaultSizes, Sizes } from '../sizes.js';
import { MemoryDescriptorType } from './memory_attributes.js';
import { X64 } from '../../intrinsics/registers/paging.js';
import { VmmMemory, type MemoryRegion } from '../../intrinsics/instructions/vmm_memory.js';
import { MemoryManagerError, OutOfMemoryError } from '../errors.js';
import { derived, state, type Attachable } from '../state/state.js';
import { hex } from '../support/text.js';
import { emptyPool, MemPool, type MemPoolState } from './mem_pool.js';
import type { AllocationContent, MemoryDescriptor, MemoryManager, MemoryRange } from './memory_manager.js';

const pageMask = BigInt(X64.pageSize - 1);
const pageOf = (address: bigint): bigint => address & ~pageMask;

/** Pools in the first region of `VmmMemory`; translation by descriptors of pages. */
@injectable()
export class MemoryManagerX64 implements MemoryManager, Attachable {
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(Sizes) @optional() protected readonly sizes: Sizes = defaultSizes;
  @state() private pools:
    { readonly heap: MemPoolState; readonly pages: MemPoolState; readonly maps: MemPoolState } | undefined;
  @derived() private heap!: MemPool;
  @derived() private pages!: MemPool;
  @derived() private maps!: MemPool;
  /** The regions of `VmmMemory`. */
  @derived() private ranges: MemoryRange[] = [];
  /** Addresses of the allocations that hold structures. */
  @state() private readonly structures = new Set<bigint>();
  /** How often an allocation is shared, by address. */
  @state() private readonly shared = new Map<bigint, number>();
  /** Pages of 4 KiB that were added. A physical page may be at several virtual addresses: the newest comes first. */
  @state() private readonly byVirtual = new Map<bigint, MemoryRange>();
  @derived() private byPhysical = new Map<bigint, readonly MemoryRange[]>();
  /** Larger ones. */
  @state() private large: readonly MemoryRange[] = [];

  attach(): void {
    this.byPhysical = new Map();
    for (const range of this.byVirtual.values()) this.addByPhysical(range);
    if (this.pools === undefined) return;
    const { heap, maps, pages } = this.pools;
    this.heap = goingOn(this.heap, heap);
    this.pages = goingOn(this.pages, pages);
    this.maps = goingOn(this.maps, maps);
    this.ranges = this.memory.regions.map((each) => rangeOf(each));
  }

  init(): void {
    const region = this.memory.regions[0];
    const { heapPool, pagePool, mapPool } = this.sizes;
    if ((heapPool | pagePool | mapPool) & Number(pageMask)) {
      throw new MemoryManagerError(
        `the sizes of the pools, ${heapPool}, ${pagePool} and ${mapPool} bytes, must be multiples of ${X64.pageSize}`,
      );
    }
    if (region === undefined || region.size < heapPool + pagePool) {
      throw new MemoryManagerError(
        `the driver gave the VMM ${region?.size ?? 0} bytes of memory; its pools need ${heapPool + pagePool}`,
      );
    }
    this.pools = {
      heap: emptyPool(region.virtual, heapPool, X64.cacheLineShift),
      pages: emptyPool(region.virtual + BigInt(heapPool), pagePool, X64.pageShift),
      maps: emptyPool(BigInt(Limit.memMapPoolStart), mapPool, X64.pageShift),
    };
    this.attach();
  }

  alloc(bytes: number, content: AllocationContent = 'data'): bigint {
    const pool = bytes % X64.pageSize === 0 ? this.pages : this.heap;
    const address = pool.alloc(bytes);
    if (address === undefined) {
      throw new OutOfMemoryError(
        `no ${bytes} bytes are left in the ${pool === this.heap ? 'heap' : 'page'} pool of ${pool.bytes}`,
      );
    }
    this.memory.writeBytes(address, new Uint8Array(bytes));
    if (content === 'structure') this.structures.add(address);
    return address;
  }

  free(address: bigint): void {
    if (this.timesShared(address) > 0) {
      throw new MemoryManagerError(
        `the allocation at ${hex(address)} is shared with guests (\`Ept.share\`): dispose the request before its pages are freed`,
      );
    }
    this.structures.delete(address);
    this.heap.free(address);
    this.pages.free(address);
  }

  size(address: bigint): number {
    return this.heap.size(address) || this.pages.size(address);
  }

  share(address: bigint): void {
    if (this.pages.size(address) === 0) {
      throw new MemoryManagerError(
        `${hex(address)} cannot be shared with guests: it is not an allocation of whole pages. Allocate a multiple of ${X64.pageSize} bytes and give the address that \`alloc\` returned`,
      );
    }
    if (this.structures.has(address)) {
      throw new MemoryManagerError(
        `${hex(address)} cannot be shared with guests: it holds a structure that the processor or the VMM relies on. Share a page that you allocated yourself`,
      );
    }
    this.shared.set(address, this.timesShared(address) + 1);
  }

  unshare(address: bigint): void {
    const times = this.timesShared(address);
    if (times > 1) this.shared.set(address, times - 1);
    else this.shared.delete(address);
  }

  timesShared(address: bigint): number {
    return this.shared.get(address) ?? 0;
  }

  isShared(physical: bigint, bytes: bigint): boolean {
    for (const address of this.shared.keys()) {
      const start = this.virtualToPhysical(address);
      if (physical >= start && physical + bytes <= start + BigInt(this.pages.size(address))) return true;
    }
    return false;
  }

  allocMap(bytes: number): bigint {
    const address = this.maps.alloc(bytes);
    if (address === undefined)
      throw new OutOfMemoryError(`no addresses for a map of ${bytes} bytes are left of ${this.maps.bytes}`);
    return address;
  }

  freeMap(address: bigint): void {
    this.maps.free(address);
  }

  sizeMap(address: bigint): number {
    return this.maps.size(address);
  }

  virtualToPhysical(address: bigint): bigint {
    const descriptor = this.find(address, 'virtual');
    return descriptor.physical + (address - descriptor.virtual);
  }

  physicalToVirtual(address: bigint): bigint {
    const descriptor = this.find(address, 'physical');
    return descriptor.virtual + (address - descriptor.physical);
  }

  virtualToAttributes(address: bigint): number {
    return this.find(address, 'virtual').attributes;
  }

  addDescriptor(descriptor: MemoryDescriptor, bytes: number = X64.pageSize): void {
    const { virtual, physical, attributes } = descriptor;
    const aligned = ((virtual | physical) & pageMask) === 0n;
    if (!aligned || virtual === 0n || physical === 0n || attributes === 0) {
      throw new MemoryManagerError(
        `descriptor ${hex(virtual)} → ${hex(physical)}, attributes ${hex(attributes)}: both addresses must be page-aligned and non-zero, the attributes non-zero`,
      );
    }
    const range = { virtual, physical, attributes, bytes };
    this.forgetCovered(range);
    if (bytes !== X64.pageSize) this.large = [...this.large, range];
    else {
      this.byVirtual.set(virtual, range);
      this.addByPhysical(range);
    }
  }

  removeDescriptor(virtual: bigint): void {
    const range = this.byVirtual.get(pageOf(virtual));
    if (range === undefined) this.large = this.large.filter((each) => !isInside(each, 'virtual', virtual));
    else this.forget(range);
  }

  descriptors(): MemoryRange[] {
    return [...this.ranges, ...this.large, ...this.byVirtual.values()];
  }

  ownMemory(): readonly { readonly physical: bigint; readonly bytes: number }[] {
    return this.memory.regions.map(({ physical, size }) => ({ physical, bytes: size }));
  }

  private addByPhysical(range: MemoryRange): void {
    this.byPhysical.set(range.physical, [range, ...(this.byPhysical.get(range.physical) ?? [])]);
  }

  private forget(range: MemoryRange): void {
    this.byVirtual.delete(range.virtual);
    const others = this.byPhysical.get(range.physical)!.filter((each) => each !== range);
    if (others.length === 0) this.byPhysical.delete(range.physical);
    else this.byPhysical.set(range.physical, others);
  }

  private forgetCovered(range: MemoryRange): void {
    if (range.bytes === X64.pageSize) this.removeDescriptor(range.virtual);
    else {
      for (const each of this.byVirtual.values()) if (isInside(range, 'virtual', each.virtual)) this.forget(each);
      this.large = this.large.filter((each) => !isInside(range, 'virtual', each.virtual));
    }
  }

  private find(address: bigint, space: AddressSpace): MemoryDescriptor {
    const page = pageOf(address);
    const found =
      (space === 'virtual' ? this.byVirtual.get(page) : this.byPhysical.get(page)?.[0]) ??
      this.ranges.find((range) => isInside(range, space, address)) ??
      this.large.find((range) => isInside(range, space, address));
    if (found === undefined || address === 0n) {
      throw new MemoryManagerError(`${space} address ${hex(address)} belongs to no memory descriptor`);
    }
    return found;
  }
}

type AddressSpace = 'virtual' | 'physical';

function isInside(range: MemoryRange, space: AddressSpace, address: bigint): boolean {
  return address >= range[space] && address < range[space] + BigInt(range.bytes);
}

/** A pool with a state. The same pool again, if there is one: making its map of granules would take longer than all else of a reset. */
function goingOn(pool: MemPool | undefined, state: MemPoolState): MemPool {
  pool?.goOn(state);
  return pool ?? new MemPool(state);
}

function rangeOf(region: MemoryRegion): MemoryRange {
  const attributes = MemoryDescriptorType.MEMORY_TYPE_R | MemoryDescriptorType.MEMORY_TYPE_W;
  return { virtual: region.virtual, physical: region.physical, bytes: region.size, attributes };
}
