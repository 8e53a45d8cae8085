// SPDX-License-Identifier: LGPL-2.1-only
import { PageTableEntry } from '../../intrinsics/structures/memory_structures.js';
import { MemoryManagerError } from '../errors.js';
import { hex } from '../support/text.js';
import type { GuestAccess } from './guest_memory.js';

const levelNames = ['PML4', 'page-directory-pointer table', 'page directory', 'page table'] as const;
/** Bits of an address below the page that an entry of a level maps. */
const offsetBits = [39, 30, 21, 12] as const;

/** Reads 64 bits at a guest-physical address into the halves of `result`. */
export type ReadPhysical = (low: number, high: number, result: Uint32Array) => void;

/**
 * Walks of a guest's page table, on 32-bit halves: nothing is allocated unless the walk fails. SDM 3A "4-Level Paging and 5-Level Paging".
 */
export class GuestWalk {
  /** What the last walk found: the guest-physical address, low half first. */
  readonly physical = new Uint32Array(2);
  /** Which entry of the PAT gives the memory type. */
  patIndex = 0;
  private readonly entry = new Uint32Array(2);
  private readonly table = new Uint32Array(2);

  constructor(private readonly read: ReadPhysical) {}

  /**
   * @param cr3Low bits 31:0 of CR3, of which the low 12 do not count.
   * @param access given if user mode asks. Without it, only presence is checked.
   * @throws MemoryManagerError for an address that is not canonical, and for an entry that is not present or does not allow the access.
   */
  walk(low: number, high: number, cr3Low: number, cr3High: number, access: GuestAccess | undefined): void {
    const { entry, table } = this;
    checkCanonical(low, high);
    table[0] = cr3Low & ~0xfff;
    table[1] = cr3High & 0xfffff;
    for (let level = 0; ; level++) {
      this.read(table[0]! + 8 * indexAt(low, high, level), table[1]!, entry);
      const bits = entry[0]!;
      if (isMissing(bits, access)) throw this.missing(low, high, level, access);
      const isLarge = level !== 0 && level !== 3 && (bits & PageTableEntry.Ps) !== 0;
      if (level === 3 || isLarge) {
        this.finish(low, level, isLarge);
        return;
      }
      table[0] = bits & ~0xfff;
      table[1] = entry[1]! & 0xfffff;
    }
  }

  private finish(low: number, level: number, isLarge: boolean): void {
    const { entry, physical } = this;
    const bits = entry[0]!;
    const offset = 2 ** offsetBits[level]! - 1;
    physical[0] = (bits & ~offset) | (low & offset);
    physical[1] = entry[1]! & 0xfffff;
    const pat = isLarge ? PageTableEntry.PatLarge : PageTableEntry.Ps;
    this.patIndex =
      ((bits & PageTableEntry.Pwt) !== 0 ? 1 : 0) |
      ((bits & PageTableEntry.Pcd) !== 0 ? 2 : 0) |
      ((bits & pat) !== 0 ? 4 : 0);
  }

  private missing(low: number, high: number, level: number, access: GuestAccess | undefined): MemoryManagerError {
    const bits = this.entry[0]!;
    const [virtual, table, entry] = [[low, high], this.table, this.entry].map((halves) =>
      hexOf(halves[0]!, halves[1]!),
    );
    const isForSupervisor = access !== undefined && (bits & PageTableEntry.Us) === 0;
    const what =
      (bits & PageTableEntry.Present) === 0 ? 'not mapped' : isForSupervisor ? 'not for user mode' : 'read-only';
    return new MemoryManagerError(
      `guest-virtual ${virtual} is ${what}: its entry in the ${levelNames[level]} at ${table} is ${entry}`,
    );
  }
}

/** SDM 3A "Determination of Access Rights": each level must allow the access. */
function isMissing(entry: number, access: GuestAccess | undefined): boolean {
  if (access === undefined) return (entry & PageTableEntry.Present) === 0;
  const wanted = PageTableEntry.Present | PageTableEntry.Us | (access === 'user write' ? PageTableEntry.Rw : 0);
  return (entry & wanted) !== wanted;
}

/** Nine bits of the address: the index into the table of a level, 0 the root. */
function indexAt(low: number, high: number, level: number): number {
  if (level === 0) return (high >>> 7) & 0x1ff;
  if (level === 1) return ((low >>> 30) | (high << 2)) & 0x1ff;
  return (low >>> offsetBits[level]!) & 0x1ff;
}

function checkCanonical(low: number, high: number): void {
  const top = (high | 0) >> 15;
  if (top === 0 || top === -1) return;
  throw new MemoryManagerError(`guest-virtual ${hexOf(low, high)} is not canonical: no page table translates it`);
}

const hexOf = (low: number, high: number): string => hex((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
