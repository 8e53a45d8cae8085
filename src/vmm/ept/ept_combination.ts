// SPDX-License-Identifier: LGPL-2.1-only
import type { PageTables } from '../memory_manager/page_tables.js';
import { pageAddressMask } from '../../intrinsics/structures/page_levels.js';
import type { VmcsError } from '../errors.js';
import { largeBit, mappedBytes, putPage, redirectionOf, type EptLeaf } from './ept_map.js';
import { redirectionConflict, type EptViewIntelX64 } from './ept_view_intel_x64.js';

const accessBits = 7n;
const ignorePat = 1n << 6n;
const page1g = 0x40000000n;
const page4k = 0x1000n;
const memoryType = (entry: bigint): bigint => (entry >> 3n) & 7n;

/** The map of a vCPU that entered several views: each page has the accesses that all of them permit. */
export class EptCombination {
  /** @param tables empty tables, which the combination then owns. */
  constructor(
    readonly views: readonly EptViewIntelX64[],
    readonly tables: PageTables,
  ) {}

  /** Combines everything. @throws VmcsError if two views lead a page to different places. */
  build(): void {
    for (let at = 0n; at < mappedBytes; at += page1g) this.update(at, page1g);
  }

  /** Combines a page of some size again, after a view changed it. */
  update(start: bigint, bytes: bigint): void {
    const leaves = this.views.map((view) => view.leaf(start));
    if (bytes > page1g || leaves.some((leaf) => leaf.bytes < bytes)) {
      const part = bytes > page1g ? page1g : bytes / 512n;
      for (let at = start; at < start + bytes; at += part) this.update(at, part);
      return;
    }
    putPage(this.tables, start, bytes, this.merge(leaves, start, bytes));
  }

  /** The error if another view leads a part of the page to a third place. */
  redirectionConflict(view: EptViewIntelX64, leaf: EptLeaf): VmcsError | undefined {
    if (redirectionOf(leaf) === 0n || (leaf.entry & accessBits) === 0n) return undefined;
    for (const other of this.views) {
      if (other === view) continue;
      for (let at = leaf.start; at < leaf.start + leaf.bytes;) {
        const its = other.leaf(at);
        if (disagree(leaf, its)) return redirectionConflict(view.name, other.name, leaf);
        at = its.start + its.bytes;
      }
    }
    return undefined;
  }

  private merge(leaves: readonly EptLeaf[], start: bigint, bytes: bigint): bigint {
    const access = leaves.reduce((all, { entry }) => all & entry, accessBits);
    if (access === 0n) return 0n;
    const redirected = leaves.find((leaf) => redirectionOf(leaf) !== 0n);
    const conflict = leaves.findIndex((leaf) => redirected !== undefined && disagree(leaf, redirected));
    if (conflict >= 0) {
      const one = this.views[leaves.indexOf(redirected!)]!;
      throw redirectionConflict(one.name, this.views[conflict]!.name, redirected!);
    }
    const types = leaves.map(({ entry }) => memoryType(entry));
    // Uncacheable, 0, is right for every use of memory on whose type views do not agree.
    const type = types.every((each) => each === types[0]) ? types[0]! : 0n;
    const pat = leaves.reduce((all, { entry }) => all | (entry & ignorePat), 0n);
    const physical = start + (redirected === undefined ? 0n : redirectionOf(redirected));
    return (physical & pageAddressMask) | access | (type << 3n) | pat | (bytes > page4k ? largeBit : 0n);
  }
}

/** Both lead a page away from itself, and to different places. */
function disagree(one: EptLeaf, other: EptLeaf): boolean {
  const [first, second] = [redirectionOf(one), redirectionOf(other)];
  const both = (one.entry & accessBits) !== 0n && (other.entry & accessBits) !== 0n;
  return both && first !== 0n && second !== 0n && first !== second;
}
