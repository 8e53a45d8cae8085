// SPDX-License-Identifier: LGPL-2.1-only
import { VmcsError } from '../errors.js';
import type { MemoryManager } from '../memory_manager/memory_manager.js';
import { pageAddressMask } from '../memory_manager/page_table_entry_x64.js';
import type { PageTables } from '../memory_manager/page_tables.js';
import { hex } from '../support/text.js';
import { EptAccess, type EptView } from './ept.js';
import { eptPointer, isOwnMemory } from './ept_map.js';

const pageMask = 0xfffn;
const accessBits = BigInt(EptAccess.All);
const pageBytes = 4096n;

/** Tables of its own; a page that differs from the base is split out of its larger one. */
export class EptViewIntelX64 implements EptView {
  /**
   * @param tables a copy of the base map.
   * @param changed called after a change, with the EPT pointer: translations of it are stale.
   */
  constructor(
    readonly name: string,
    private readonly tables: PageTables,
    private readonly manager: MemoryManager,
    private readonly memoryTypeOf: (physical: bigint) => number,
    private readonly changed: (pointer: bigint) => void,
  ) {}

  get pointer(): bigint {
    return eptPointer(this.manager, this.tables);
  }

  restrict(guestPhysical: bigint, access: number): void {
    if ((access & EptAccess.Write) !== 0 && (access & EptAccess.Read) === 0) {
      throw new VmcsError(
        `EPT view '${this.name}': write without read is a misconfiguration. SDM 3C "EPT Misconfigurations"`,
      );
    }
    this.checkIncluded(guestPhysical);
    const place = this.tables.split(guestPhysical);
    const entry = this.tables.load(place);
    this.store(place, (entry & ~accessBits) | BigInt(access & EptAccess.All));
  }

  redirect(guestPhysical: bigint, physical: bigint): void {
    this.checkIncluded(guestPhysical);
    this.checkIncluded(physical);
    const place = this.tables.split(guestPhysical);
    this.store(place, (this.tables.load(place) & ~pageAddressMask) | (physical & ~pageMask));
  }

  restore(guestPhysical: bigint): void {
    this.checkIncluded(guestPhysical);
    const page = guestPhysical & ~pageMask;
    this.store(this.tables.split(page), page | accessBits | BigInt(this.memoryTypeOf(page) << 3));
  }

  private store(place: ReturnType<PageTables['split']>, entry: bigint): void {
    this.tables.store(place, entry);
    this.changed(this.pointer);
  }

  private checkIncluded(physical: bigint): void {
    if (physical >= 1n << 39n || isOwnMemory(this.manager, physical & ~pageMask, pageBytes)) {
      throw new VmcsError(
        `EPT view '${this.name}': the base map excludes the page at ${hex(physical)}, and no view may add it`,
      );
    }
  }
}
