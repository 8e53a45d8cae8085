// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { Limit, MemoryDescriptorType, X64 } from '../../intrinsics/constants.js';
import { VmmMemory, type MemoryRegion } from '../../intrinsics/vmm_memory.js';
import { MemoryManagerError, OutOfMemoryError } from '../errors.js';
import { hex } from '../support/text.js';
import { MemPool } from './mem_pool.js';
import type { MemoryDescriptor, MemoryManager, MemoryRange } from './memory_manager.js';

const pageMask = BigInt(X64.pageSize - 1);
const pageOf = (address: bigint): bigint => address & ~pageMask;

/** Pools in the first region of `VmmMemory`; translation by descriptors of pages. */
@injectable()
export class MemoryManagerX64 implements MemoryManager {
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  private heap!: MemPool;
  private pages!: MemPool;
  private maps!: MemPool;
  private ranges: MemoryRange[] = [];
  private readonly byVirtual = new Map<bigint, MemoryDescriptor>();
  private readonly byPhysical = new Map<bigint, MemoryDescriptor>();

  init(): void {
    const region = this.memory.regions[0];
    if (region === undefined || region.size < Limit.heapPoolBytes + Limit.pagePoolBytes) {
      throw new MemoryManagerError(
        `the driver gave the VMM ${region?.size ?? 0} bytes of memory; its pools need ${Limit.heapPoolBytes + Limit.pagePoolBytes}`,
      );
    }
    this.heap = new MemPool(region.virtual, Limit.heapPoolBytes, X64.cacheLineShift);
    this.pages = new MemPool(region.virtual + BigInt(Limit.heapPoolBytes), Limit.pagePoolBytes, X64.pageShift);
    this.maps = new MemPool(BigInt(Limit.memMapPoolStart), Limit.memMapPoolBytes, X64.pageShift);
    this.ranges = this.memory.regions.map((each) => rangeOf(each));
  }

  alloc(bytes: number): bigint {
    const pool = bytes % X64.pageSize === 0 ? this.pages : this.heap;
    const address = pool.alloc(bytes);
    if (address === undefined) {
      throw new OutOfMemoryError(
        `no ${bytes} bytes are left in the ${pool === this.heap ? 'heap' : 'page'} pool of ${pool.bytes}`,
      );
    }
    this.memory.writeBytes(address, new Uint8Array(bytes));
    return address;
  }

  free(address: bigint): void {
    this.heap.free(address);
    this.pages.free(address);
  }

  size(address: bigint): number {
    return this.heap.size(address) || this.pages.size(address);
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

  addDescriptor(descriptor: MemoryDescriptor): void {
    const { virtual, physical, attributes } = descriptor;
    const aligned = ((virtual | physical) & pageMask) === 0n;
    if (!aligned || virtual === 0n || physical === 0n || attributes === 0) {
      throw new MemoryManagerError(
        `descriptor ${hex(virtual)} → ${hex(physical)}, attributes ${hex(attributes)}: both addresses must be page-aligned and non-zero, the attributes non-zero`,
      );
    }
    this.byVirtual.set(virtual, descriptor);
    this.byPhysical.set(physical, descriptor);
  }

  removeDescriptor(virtual: bigint): void {
    const descriptor = this.byVirtual.get(pageOf(virtual));
    if (descriptor === undefined) return;
    this.byVirtual.delete(descriptor.virtual);
    this.byPhysical.delete(descriptor.physical);
  }

  descriptors(): MemoryRange[] {
    return [...this.ranges, ...[...this.byVirtual.values()].map((each) => ({ ...each, bytes: X64.pageSize }))];
  }

  ownMemory(): readonly { readonly physical: bigint; readonly bytes: number }[] {
    const [region] = this.memory.regions;
    return region === undefined
      ? []
      : [{ physical: region.physical, bytes: Limit.heapPoolBytes + Limit.pagePoolBytes }];
  }

  private find(address: bigint, space: 'virtual' | 'physical'): MemoryDescriptor {
    const map = space === 'virtual' ? this.byVirtual : this.byPhysical;
    const found =
      map.get(pageOf(address)) ??
      this.ranges.find((range) => address >= range[space] && address < range[space] + BigInt(range.bytes));
    if (found === undefined || address === 0n) {
      throw new MemoryManagerError(`${space} address ${hex(address)} belongs to no memory descriptor`);
    }
    return found;
  }
}

function rangeOf(region: MemoryRegion): MemoryRange {
  const attributes = MemoryDescriptorType.MEMORY_TYPE_R | MemoryDescriptorType.MEMORY_TYPE_W;
  return { virtual: region.virtual, physical: region.physical, bytes: region.size, attributes };
}
