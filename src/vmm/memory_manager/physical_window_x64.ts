// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { CpuidAccessors } from '../../intrinsics/accessors/cpuid_accessors.js';
import { Limit } from '../sizes.js';
import { MemoryAttribute } from './memory_attributes.js';
import { MemoryManagerError } from '../errors.js';
import { state } from '../state/state.js';
import { hex } from '../support/text.js';
import type { PhysicalWindow } from './physical_window.js';
import { RootPageTable } from './root_page_table.js';

const gigabyteShift = 30;
const largeShift = 21;
const twoTo32 = 0x1_0000_0000;
const end = 2 ** Limit.physicalWindowBits;
const start = BigInt(Limit.physicalWindowHigh) << 32n;

/**
 * Pages of 1 GiB, or of 2 MiB on a processor without them, in the VMM's page table. They are write-back. If the MTRRs say uncacheable,
 * that has precedence. SDM 3A "Memory Cache Control".
 */
@injectable()
export class PhysicalWindowX64 implements PhysicalWindow {
  @inject(RootPageTable) protected readonly rootPageTable!: RootPageTable;
  @inject(CpuidAccessors) protected readonly cpuid!: CpuidAccessors;
  /** Numbers of the pages that are mapped. */
  @state() private readonly mapped = new Set<number>();
  /** A page has 2^shift bytes; 0 before the first is mapped. */
  @state() private shift = 0;

  highAt(low: number, high: number): number {
    this.want(high * twoTo32 + low, 8);
    return Limit.physicalWindowHigh + high;
  }

  addressOf(physical: bigint, bytes: number): bigint {
    this.want(Number(physical), bytes);
    return start + physical;
  }

  /** Maps the pages that hold some bytes. */
  private want(physical: number, bytes: number): void {
    const size = 2 ** this.shift;
    const last = Math.floor((physical + bytes - 1) / size);
    for (let page = Math.floor(physical / size); page <= last; page++) {
      if (this.mapped.has(page)) continue;
      this.map(physical, bytes);
      return;
    }
  }

  private map(physical: number, bytes: number): void {
    if (physical + bytes > end) {
      throw new MemoryManagerError(
        `physical ${hex(physical)} is beyond the ${Limit.physicalWindowBits} bits of physical addresses that the VMM reaches`,
      );
    }
    if (this.shift === 0) {
      const hasGigabytePages = this.cpuid.extendedProcessorInformation.edx.page1gb.isEnabled();
      this.shift = hasGigabytePages ? gigabyteShift : largeShift;
    }
    const size = 2 ** this.shift;
    for (let page = Math.floor(physical / size); page * size < physical + bytes; page++) this.mapPage(page, size);
  }

  private mapPage(page: number, size: number): void {
    if (this.mapped.has(page)) return;
    const at = BigInt(page * size);
    const pageSize = this.shift === gigabyteShift ? 0x40000000 : 0x200000;
    this.rootPageTable.mapAlias(start + at, at, MemoryAttribute.rwWb, pageSize);
    this.mapped.add(page);
  }
}
