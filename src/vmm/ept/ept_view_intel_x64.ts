// SPDX-License-Identifier: LGPL-2.1-only
import { MemoryDescriptorType } from '../memory_manager/memory_attributes.js';
import { VmcsError } from '../errors.js';
import type { MemoryDescriptor, MemoryManager } from '../memory_manager/memory_manager.js';
import { pageAddressMask } from '../../intrinsics/structures/page_levels.js';
import type { PageTables } from '../memory_manager/page_tables.js';
import type { PageSize } from '../memory_manager/root_page_table.js';
import { hex } from '../support/text.js';
import { EptAccess, type EptEntry, type EptView } from './ept.js';
import { eptPointer, largeBit, leafAt, pageSizeOf, putPage, redirectionOf, type EptLeaf } from './ept_map.js';

const pageMask = 0xfffn;
const accessBits = BigInt(EptAccess.All);
const pageBytes = 4096n;
const largestPage = 0x40000000n;
const entriesOfTable = 512n;

/** What a view needs from `Ept`. */
export interface EptViewOwner {
  readonly manager: MemoryManager;
  /** The base's memory type of a page. */
  memoryTypeOf(physical: bigint): number;
  /** Whether a page may permit execution and no reads. */
  isExecuteOnlySupported(): boolean;
  excludes(physical: bigint, bytes: bigint): boolean;
  /** Whether a page of a view may lead there: the base includes it, or it was shared. */
  mayLeadTo(physical: bigint, bytes: bigint): boolean;
  /** The entry that the base map would have for a page; undefined beyond its end, and where it has smaller pages. */
  baseEntry(page: bigint, bytes: bigint): bigint | undefined;
  /** A page is about to lead elsewhere. @throws VmcsError if another view that a vCPU uses as well disagrees. */
  checkRedirection(view: EptViewIntelX64, leaf: EptLeaf): void;
  /** A range has changed: translations of it are stale. */
  changed(view: EptViewIntelX64, start: bigint, bytes: bigint): void;
}

/** A view with its own tables. A page that differs from the base is split out of its larger page. */
export class EptViewIntelX64 implements EptView {
  /** @param tables the initial tables, which the view then owns. */
  constructor(
    readonly id: number,
    readonly name: string,
    private readonly begin: 'base' | 'nothing',
    private readonly tables: PageTables,
    private readonly owner: EptViewOwner,
  ) {}

  get pointer(): bigint {
    return eptPointer(this.owner.manager, this.tables);
  }

  restrict(guestPhysical: bigint, access: number): void {
    this.checkAccess(access);
    this.checkIncluded(guestPhysical & ~pageMask, pageBytes);
    if (leafAt(this.tables, guestPhysical).entry === 0n) throw this.nothingAt(guestPhysical);
    this.tables.split(guestPhysical);
    const leaf = leafAt(this.tables, guestPhysical);
    // An entry without access may hold any address, so it must not be enabled.
    if (access !== 0) this.checkTarget(targetOf(leaf), pageBytes);
    this.put(leaf, (entry) => (entry & ~accessBits) | BigInt(access));
  }

  redirect(guestPhysical: bigint, physical: bigint): void {
    this.checkIncluded(guestPhysical & ~pageMask, pageBytes);
    this.checkTarget(physical & ~pageMask, pageBytes);
    if (leafAt(this.tables, guestPhysical).entry === 0n) throw this.nothingAt(guestPhysical);
    this.tables.split(guestPhysical);
    this.put(
      leafAt(this.tables, guestPhysical),
      (entry) => (entry & ~pageAddressMask) | (physical & pageAddressMask & ~pageMask),
    );
  }

  restore(guestPhysical: bigint): void {
    this.restorePage(guestPhysical & ~pageMask, pageBytes);
  }

  map(guestPhysical: bigint, physical: bigint, size: PageSize, access: number, memoryType?: number): void {
    const bytes = BigInt(size);
    this.checkAccess(access);
    if (((guestPhysical | physical) & (bytes - 1n)) !== 0n) {
      throw this.error(
        `${hex(guestPhysical)} and ${hex(physical)} are not both aligned to a page of ${hex(size)} bytes`,
      );
    }
    this.checkIncluded(guestPhysical, bytes);
    this.checkTarget(physical, bytes);
    const type = BigInt(memoryType ?? this.owner.memoryTypeOf(physical)) << 3n;
    const entry = physical | BigInt(access) | type | (bytes > pageBytes ? largeBit : 0n);
    this.put({ entry: 0n, start: guestPhysical, bytes }, () => entry);
  }

  unmap(guestPhysical: bigint): void {
    const leaf = this.leaf(guestPhysical);
    if (leaf.entry === 0n) return;
    this.tables.unmap(guestPhysical);
    this.owner.changed(this, leaf.start, leaf.bytes);
  }

  /** For the owner: no page leads to a range of the VMM's memory any more. */
  leave(physical: bigint, bytes: bigint): void {
    const leadsThere = (leaf: EptLeaf): boolean =>
      (leaf.entry & accessBits) !== 0n && targetOf(leaf) < physical + bytes && targetOf(leaf) + leaf.bytes > physical;
    for (const leaf of [...this.tables.leaves()].filter(leadsThere)) {
      if (this.begin === 'nothing') this.unmap(leaf.start);
      else this.restorePage(leaf.start, leaf.bytes);
    }
  }

  unmapRange(start: bigint, end: bigint): void {
    if (((start | end) & pageMask) !== 0n) {
      throw this.error(`${hex(start)} … ${hex(end)} does not begin and end at a page of 4 KiB`);
    }
    for (let at = start; at < end;) {
      const leaf = this.leaf(at);
      const isWhole = leaf.start >= start && leaf.start + leaf.bytes <= end;
      if (leaf.entry !== 0n && !isWhole) {
        this.tables.split(at, leaf.bytes > 0x200000n ? 2 : 3);
        continue;
      }
      if (leaf.entry !== 0n) this.unmap(at);
      at = leaf.start + leaf.bytes;
    }
  }

  entry(guestPhysical: bigint): EptEntry {
    const { start, bytes, entry } = this.leaf(guestPhysical);
    if (entry === 0n) throw this.nothingAt(guestPhysical);
    const current = (): EptLeaf => {
      const leaf = this.leaf(guestPhysical);
      if (leaf.bytes === bytes) return leaf;
      throw this.error(
        `the page of ${hex(bytes)} bytes at ${hex(start)} was split, joined or unmapped since its entry was asked for`,
      );
    };
    const store = (value: bigint): void => {
      const leaf = current();
      this.checkEntry(leaf, value);
      this.put(leaf, () => value);
    };
    return {
      size: pageSizeOf({ entry, start, bytes }),
      get value() {
        return current().entry;
      },
      set value(value) {
        store(value);
      },
    };
  }

  tablesToDescriptors(): MemoryDescriptor[] {
    const attributes = MemoryDescriptorType.MEMORY_TYPE_R | MemoryDescriptorType.MEMORY_TYPE_W;
    return this.tables.pages().map((page) => ({ ...page, attributes }));
  }

  /** What maps an address: for the owner, which combines views. */
  leaf(guestPhysical: bigint): EptLeaf {
    return leafAt(this.tables, guestPhysical);
  }

  private put(leaf: EptLeaf, change: (entry: bigint) => bigint): void {
    this.store({ ...leaf, entry: change(leaf.entry) });
    this.owner.changed(this, leaf.start, leaf.bytes);
  }

  private restorePage(page: bigint, size: bigint): void {
    const entry = this.owner.baseEntry(page, size);
    if (entry === undefined) throw this.error(`the base map has nothing at ${hex(page)}`);
    this.store({ entry, start: page, bytes: size });
    const { start, bytes } = this.joined(page);
    this.owner.changed(this, start, bytes);
  }

  private store(leaf: EptLeaf): void {
    this.owner.checkRedirection(this, leaf);
    putPage(this.tables, leaf.start, leaf.bytes, leaf.entry);
  }

  /**
   * Joins the pages around an address as far as they are those of the base map again. Without this, a guest that has one page after the other
   * changed and restored would use up the page pool. A view that began with nothing keeps the sizes that it was given.
   *
   * @returns the page that maps the address now
   */
  private joined(address: bigint): EptLeaf {
    for (;;) {
      const leaf = this.leaf(address);
      if (this.begin === 'nothing') return leaf;
      const bytes = leaf.bytes * entriesOfTable;
      const start = address & ~(bytes - 1n);
      const entry = bytes > largestPage ? undefined : this.owner.baseEntry(start, bytes);
      if (entry === undefined || !this.tables.join(address, entry)) return leaf;
    }
  }

  private checkAccess(access: number): void {
    if ((access & EptAccess.Write) !== 0 && (access & EptAccess.Read) === 0) {
      throw this.error('write without read is a misconfiguration. SDM 3C "EPT Misconfigurations"');
    }
    if (access === EptAccess.Execute && !this.owner.isExecuteOnlySupported()) {
      throw this.error('this processor has no execute-only pages (bit 0 of IA32_VMX_EPT_VPID_CAP)');
    }
    if ((access & ~EptAccess.All) !== 0) throw this.error(`${hex(access)} is not an access; wanted bits of 7`);
  }

  private checkIncluded(start: bigint, bytes: bigint): void {
    if (this.owner.excludes(start, bytes)) {
      throw this.error(`the base map excludes the page at ${hex(start)}, or a part of it, and no view may add it`);
    }
  }

  private checkTarget(physical: bigint, bytes: bigint): void {
    if (this.owner.mayLeadTo(physical, bytes)) return;
    throw this.error(
      `no page may lead to ${hex(physical)}: the base map excludes it, and \`Ept.share\` did not release it`,
    );
  }

  /** An entry without access may hold any address. An entry with access must lead to a page that the base includes. */
  private checkEntry(leaf: EptLeaf, value: bigint): void {
    if (value === 0n) return;
    if (leaf.bytes > pageBytes && (value & largeBit) === 0n) {
      throw this.error(`the entry of the page at ${hex(leaf.start)} needs bit 7: without it, it would lead to a table`);
    }
    const physical = value & pageAddressMask;
    if ((physical & (leaf.bytes - 1n)) !== 0n) {
      throw this.error(`${hex(physical)} is not aligned to the page of ${hex(leaf.bytes)} bytes at ${hex(leaf.start)}`);
    }
    if ((value & accessBits) !== 0n) this.checkTarget(physical, leaf.bytes);
  }

  private nothingAt(guestPhysical: bigint): VmcsError {
    return this.error(`nothing is mapped at ${hex(guestPhysical)}`);
  }

  private error(what: string): VmcsError {
    return new VmcsError(`EPT view '${this.name}': ${what}`);
  }
}

/** Where a page leads. */
const targetOf = (leaf: EptLeaf): bigint => leaf.entry & pageAddressMask & ~(leaf.bytes - 1n);

/** The page of a view leads where another view disagrees. */
export function redirectionConflict(one: string, other: string, leaf: EptLeaf): VmcsError {
  return new VmcsError(
    `EPT views '${one}' and '${other}' lead the page at ${hex(leaf.start)} to different places (one to ${hex(leaf.start + redirectionOf(leaf))}); one vcpu cannot use both`,
  );
}
