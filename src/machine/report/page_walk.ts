// SPDX-License-Identifier: LGPL-2.1-only
// The walk that translates a linear address, for reports. It changes nothing: no accessed bit, no TLB. SDM 3A "Paging", SDM 3C "EPT Translation Mechanism".
import { Cr0, Cr4, Efer } from '../../intrinsics/registers/registers.js';
import { PageTableEntry, PageTableEntryHigh } from '../../intrinsics/structures/memory_structures.js';
import { pageAddressMask } from '../../intrinsics/structures/page_levels.js';
import { eptAddress, eptWalkText, walkEpt, type EptRules } from '../../intrinsics/texts/ept_walk.js';
import { hex } from '../../intrinsics/texts/hex.js';
import type { ExecutionState } from './execution_state.js';

/** An entry on a walk. All are plain JSON values; 64-bit numbers are hexadecimal text with 0x. */
export interface WalkStep {
  /** As in "PDE". */
  readonly entry: string;
  /** Where the entry is: physical, for the software that walks. */
  readonly address: string;
  /** Null if there is no memory. */
  readonly value: string | null;
  /** The whole step as a line for people. */
  readonly text: string;
}

/** What EPT makes of a guest-physical address. */
export interface EptWalk {
  readonly pointer: string;
  readonly guestPhysical: string;
  readonly steps: readonly Omit<WalkStep, 'entry'>[];
  readonly physical: string | null;
}

/** How a linear address is translated, or where its translation ends. */
export interface PageWalk {
  readonly linear: string;
  readonly cr3: string;
  /** As in "4-level paging". */
  readonly paging: string;
  readonly steps: readonly WalkStep[];
  /** Why the walk ended without an address; null if it found one. */
  readonly stop: string | null;
  /** What the software takes for a physical address. */
  readonly guestPhysical: string | null;
  /** Under EPT: of that address, or of the table that could not be reached. */
  readonly ept?: EptWalk;
  readonly physical: string | null;
}

/** What a walk needs of a machine. */
export interface WalkedMemory {
  /** @returns undefined where there is no memory */
  read(physical: bigint, bytes: 4 | 8): bigint | undefined;
  readonly rules: EptRules;
}

interface Level {
  readonly name: string;
  readonly shift: number;
  readonly indexBits: number;
}

interface Paging {
  readonly name: string;
  readonly entryBytes: 4 | 8;
  readonly levels: readonly Level[];
  /** Levels whose entries may map a page of their own. */
  readonly large: readonly string[];
}

const pte = (indexBits: number): Level => ({ name: 'PTE', shift: 12, indexBits });
const fourLevels: Paging = {
  name: '4-level paging',
  entryBytes: 8,
  levels: [
    { name: 'PML4E', shift: 39, indexBits: 9 },
    { name: 'PDPTE', shift: 30, indexBits: 9 },
    { name: 'PDE', shift: 21, indexBits: 9 },
    pte(9),
  ],
  large: ['PDPTE', 'PDE'],
};
const pae: Paging = {
  name: 'PAE paging',
  entryBytes: 8,
  levels: [{ name: 'PDPTE', shift: 30, indexBits: 2 }, { name: 'PDE', shift: 21, indexBits: 9 }, pte(9)],
  large: ['PDE'],
};
const twoLevels: Paging = {
  name: '32-bit paging',
  entryBytes: 4,
  levels: [{ name: 'PDE', shift: 22, indexBits: 10 }, pte(10)],
  large: ['PDE'],
};

const has = (value: bigint, bit: number): boolean => (value & BigInt(bit >>> 0)) !== 0n;

function pagingOf({ cr0, cr4, efer }: ExecutionState): Paging | undefined {
  if (!has(cr0, Cr0.Paging)) return undefined;
  if (has(efer, Efer.Lma)) return fourLevels;
  if (has(cr4, Cr4.PhysicalAddressExtensions)) return pae;
  return has(cr4, Cr4.PageSizeExtensions) ? twoLevels : { ...twoLevels, large: [] };
}

/** The SDM's abbreviations of an entry's bits, lowest first. */
const bitNames: readonly (readonly [string, bigint])[] = [
  ['P', BigInt(PageTableEntry.Present)],
  ['R/W', BigInt(PageTableEntry.Rw)],
  ['U/S', BigInt(PageTableEntry.Us)],
  ['PWT', BigInt(PageTableEntry.Pwt)],
  ['PCD', BigInt(PageTableEntry.Pcd)],
  ['A', BigInt(PageTableEntry.Accessed)],
  ['D', BigInt(PageTableEntry.Dirty)],
  ['PS', BigInt(PageTableEntry.Ps)],
  ['G', BigInt(PageTableEntry.Global)],
  ['XD', BigInt(PageTableEntryHigh.Nx) << 32n],
];

function entryBits(value: bigint, isLeaf: boolean): string {
  // G means something only where an entry maps a page; bit 7 of a PTE is PAT.
  const names = bitNames.filter(([name, bit]) => (value & bit) !== 0n && (isLeaf || (name !== 'G' && name !== 'D')));
  return names.map(([name]) => name).join(' ');
}

const sizes: Readonly<Record<number, string>> = { 12: '4-KiB', 21: '2-MiB', 22: '4-MiB', 30: '1-GiB' };

/** Why an entry cannot be read. */
const NO_MEMORY = 'there is no memory';

/** Physical addresses of 4-MiB pages have at most so many bits. */
const MOST_PSE_BITS = 40;

/** Ones from a bit up to another one, both included; none if `last` is below `first`. */
const bitsFrom = (first: number, last: number): bigint =>
  last < first ? 0n : ((1n << BigInt(last - first + 1)) - 1n) << BigInt(first);

/** A walk of one address. */
class Walk {
  private readonly steps: WalkStep[] = [];
  private ept: EptWalk | undefined;

  constructor(
    private readonly state: ExecutionState,
    private readonly memory: WalkedMemory,
    private readonly linear: bigint,
    private readonly paging: Paging | undefined,
  ) {}

  run(): PageWalk {
    const found = this.paging === undefined ? this.linear : this.tables(this.paging);
    const isFound = typeof found === 'bigint';
    const physical = isFound ? this.throughEpt(found) : undefined;
    const { linear, state, steps, ept } = this;
    return {
      linear: hex(linear),
      cr3: hex(state.cr3),
      paging: this.paging?.name ?? 'no paging',
      steps,
      stop: isFound ? (physical === undefined ? 'EPT does not translate the guest-physical address' : null) : found,
      guestPhysical: isFound ? hex(found) : null,
      ...(ept !== undefined && { ept }),
      physical: physical === undefined ? null : hex(physical),
    };
  }

  /** @returns the address, or why there is none */
  private tables(paging: Paging): bigint | string {
    if (paging === fourLevels && BigInt.asIntN(48, this.linear) !== BigInt.asIntN(64, this.linear))
      return 'the address is not canonical';
    let table = this.state.cr3 & (paging === pae ? 0xffffffe0n : pageAddressMask);
    for (const level of paging.levels) {
      const index = (this.linear >> BigInt(level.shift)) & ((1n << BigInt(level.indexBits)) - 1n);
      const address = table + index * BigInt(paging.entryBytes);
      const value = this.entryAt(paging, level, address, Number(index));
      if (value === undefined) return this.unreadable(level, address);
      const isLeaf = level.name === 'PTE' || (paging.large.includes(level.name) && has(value, PageTableEntry.Ps));
      const stop = this.step(paging, level, address, value, isLeaf);
      if (stop !== undefined) return stop;
      if (isLeaf) return this.inPage(level, value);
      table = value & pageAddressMask;
    }
    return 'the walk found no page';
  }

  /** PAE paging uses the PDPTEs that were loaded with CR3. */
  private entryAt(paging: Paging, level: Level, address: bigint, index: number): bigint | undefined {
    if (paging === pae && level.name === 'PDPTE') return this.state.pdptes[index];
    const physical = this.throughEpt(address);
    return physical === undefined ? undefined : this.memory.read(physical, paging.entryBytes);
  }

  private step(paging: Paging, level: Level, address: bigint, value: bigint, isLeaf: boolean): string | undefined {
    const stop = this.stopAt(paging, level, value, isLeaf);
    const what = isLeaf ? `${sizes[level.shift]!} page` : 'table';
    const end = stop ?? what;
    const text = `${level.name} at ${hex(address)} = ${hex(value)}: ${[entryBits(value, isLeaf), end].filter(Boolean).join(', ')}`;
    this.steps.push({ entry: level.name, address: hex(address), value: hex(value), text });
    return stop === undefined ? undefined : `the ${level.name} is ${stop}`;
  }

  /** Why the processor goes no further than an entry. */
  private stopAt(paging: Paging, level: Level, value: bigint, isLeaf: boolean): string | undefined {
    if (!has(value, PageTableEntry.Present)) return 'not present';
    const reserved = value & this.reservedBits(paging, level, isLeaf);
    return reserved === 0n ? undefined : `invalid: reserved bits ${hex(reserved)} are 1`;
  }

  /** SDM 3A "Reserved Bits" of each paging mode. */
  private reservedBits(paging: Paging, level: Level, isLeaf: boolean): bigint {
    const width = this.memory.rules.physicalAddressWidth;
    if (paging.entryBytes === 4)
      return isLeaf && level.name !== 'PTE' ? bitsFrom(Math.min(width, MOST_PSE_BITS) - 19, 21) : 0n;
    // In PAE paging, bits 62:52 are reserved too. The other modes leave them to software.
    let reserved = bitsFrom(width, paging === pae ? 62 : 51);
    if (!has(this.state.efer, Efer.Nxe)) reserved |= BigInt(PageTableEntryHigh.Nx) << 32n;
    if (isLeaf) return reserved | bitsFrom(13, level.shift - 1);
    return level.name === 'PML4E' ? reserved | BigInt(PageTableEntry.Ps) : reserved;
  }

  private unreadable(level: Level, address: bigint): string {
    this.steps.push({
      entry: level.name,
      address: hex(address),
      value: null,
      text: `${level.name} at ${hex(address)} cannot be read: ${NO_MEMORY}`,
    });
    return `the ${level.name} is outside memory`;
  }

  private inPage({ shift }: Level, value: bigint): bigint {
    const inside = (1n << BigInt(shift)) - 1n;
    // With PSE-36, bits 39:32 of a 4-MiB page's address are bits 20:13 of the entry.
    const high = shift === 22 ? ((value >> 13n) & 0xffn) << 32n : 0n;
    return (value & pageAddressMask & ~inside) | high | (this.linear & inside);
  }

  /** @returns undefined if EPT has no such page */
  private throughEpt(guestPhysical: bigint): bigint | undefined {
    const { state, memory } = this;
    if (state.eptPointer === undefined) return guestPhysical;
    const steps = walkEpt(state.eptPointer, guestPhysical, memory.rules, (at) => memory.read(at, 8));
    const texts = eptWalkText(steps, memory.rules, NO_MEMORY);
    const page = eptAddress(steps, guestPhysical, memory.rules);
    this.ept = {
      pointer: hex(state.eptPointer),
      guestPhysical: hex(guestPhysical),
      steps: steps.map(({ address, value }, index) => ({
        address: hex(address),
        value: value === undefined ? null : hex(value),
        text: texts[index]!,
      })),
      physical: page === undefined ? null : hex(page),
    };
    return page;
  }
}

/** How software in a state reaches a linear address. */
export function pageWalk(state: ExecutionState, memory: WalkedMemory, linear: bigint): PageWalk {
  return new Walk(state, memory, linear, pagingOf(state)).run();
}
