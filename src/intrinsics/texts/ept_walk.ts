// SPDX-License-Identifier: LGPL-2.1-only
// A walk of EPT paging structures for reports. SDM 3C "EPT Translation Mechanism", "EPT Misconfigurations".
import { MemoryType } from '../registers/registers.js';
import { EptEntry as Bit } from '../structures/memory_structures.js';
import { indexAt, levelShifts, pageAddressMask } from '../structures/page_levels.js';
import { hex } from './hex.js';

const levelNames = ['PML4E', 'PDPTE', 'PDE', 'PTE'] as const;
const lastLevel = 3;
const largeBit = BigInt(Bit.Large);
const memoryTypes = Object.entries(MemoryType).filter(([name]) => name !== 'UncacheableMinus');

/** What the processor allows in entries. */
export interface EptRules {
  readonly physicalAddressWidth: number;
  readonly hasExecuteOnly: boolean;
  /** The control "mode-based execute control for EPT" is 1. */
  readonly hasModeBasedExecute: boolean;
}

/** An entry of a paging structure. */
export interface EptEntry {
  /** 0: PML4E … 3: PTE. */
  readonly level: number;
  readonly value: bigint;
}

/** An entry on the walk. */
export interface EptWalkStep extends Omit<EptEntry, 'value'> {
  /** Its physical address. */
  readonly address: bigint;
  /** Undefined if the address cannot be read. */
  readonly value: bigint | undefined;
}

const isLeaf = ({ level, value }: EptEntry): boolean => level === lastLevel || (level > 0 && (value & largeBit) !== 0n);

/** The bits of an entry that permit something. An entry in which all of them are 0 is not present. */
const accessBits = ({ hasModeBasedExecute }: EptRules): number =>
  Bit.Read | Bit.Write | Bit.Execute | (hasModeBasedExecute ? Bit.ExecuteUserMode : 0);
const accessOf = (value: bigint, rules: EptRules): number => Number(value & BigInt(accessBits(rules)));

const mask = (from: number, to: number): bigint => ((1n << BigInt(to - from + 1)) - 1n) << BigInt(from);

/** Bits that must be 0 in an entry, by its level and whether it maps a page. */
function reservedBits(step: EptEntry, { physicalAddressWidth }: EptRules): bigint {
  const high = physicalAddressWidth > 51 ? 0n : mask(physicalAddressWidth, 51);
  if (!isLeaf(step)) return high | (step.level === 0 ? mask(3, 7) : mask(3, 6));
  return step.level === lastLevel ? high : high | mask(12, Number(levelShifts[step.level]!) - 1);
}

/** Why an entry is an EPT misconfiguration, or undefined if it is none. */
export function misconfigurationOf(step: EptEntry, rules: EptRules): string | undefined {
  const { value } = step;
  const access = accessOf(value, rules);
  if (access === 0) return undefined;
  if ((access & Bit.Write) !== 0 && (access & Bit.Read) === 0) return 'it permits writes and no reads';
  if ((access & Bit.Read) === 0 && !rules.hasExecuteOnly)
    return 'it permits execution alone, which this processor does not support';
  const reserved = value & reservedBits(step, rules);
  if (reserved !== 0n) return `reserved bits ${hex(reserved)} are 1`;
  const type = Number((value >> 3n) & 7n);
  if (isLeaf(step) && !memoryTypes.some(([, number]) => number === type)) return `memory type ${type} is reserved`;
  return undefined;
}

const endsWalk = (entry: EptEntry, rules: EptRules): boolean =>
  accessOf(entry.value, rules) === 0 || isLeaf(entry) || misconfigurationOf(entry, rules) !== undefined;

/** What a walk reads memory by. @returns undefined where it can read nothing */
export type ReadEntry = (physical: bigint) => bigint | undefined;

/**
 * The entries by which an address is translated, from the root down to the last one that the processor reads. The processor goes no further than a
 * misconfigured entry. The walk also ends at a table that cannot be read, whose entry has no value.
 */
export function walkEpt(pointer: bigint, guestPhysical: bigint, rules: EptRules, read64: ReadEntry): EptWalkStep[] {
  const steps: EptWalkStep[] = [];
  let table = pointer & pageAddressMask;
  for (let level = 0; level <= lastLevel; level++) {
    const address = table + 8n * BigInt(indexAt(guestPhysical, level));
    const value = read64(address);
    if (value === undefined) return [...steps, { level, address, value }];
    const step = { level, address, value };
    steps.push(step);
    if (endsWalk(step, rules)) break;
    table = value & pageAddressMask;
  }
  return steps;
}

/** Where a walk leads, or undefined if it ended before a page. @param steps of `walkEpt` */
export function eptAddress(steps: readonly EptWalkStep[], guestPhysical: bigint, rules: EptRules): bigint | undefined {
  const { level, value } = steps[steps.length - 1]!;
  if (value === undefined || accessOf(value, rules) === 0 || !isLeaf({ level, value })) return undefined;
  if (misconfigurationOf({ level, value }, rules) !== undefined) return undefined;
  const inside = (1n << levelShifts[level]!) - 1n;
  return (value & pageAddressMask & ~inside) | (guestPhysical & inside);
}

/** As in "r-x". Where the modes differ, the text says which of them may execute. */
function accessText(access: number, { hasModeBasedExecute }: EptRules): string {
  const [forSupervisor, forUser] = [(access & Bit.Execute) !== 0, (access & Bit.ExecuteUserMode) !== 0];
  const letters: readonly (readonly [string, boolean])[] = [
    ['r', (access & Bit.Read) !== 0],
    ['w', (access & Bit.Write) !== 0],
    ['x', forSupervisor || forUser],
  ];
  const text = letters.map(([letter, isAllowed]) => (isAllowed ? letter : '-')).join('');
  if (!hasModeBasedExecute || forSupervisor === forUser) return text;
  return `${text} (x in ${forUser ? 'user' : 'supervisor'} mode only)`;
}

const nameOf = (level: number): string => `${levelNames[level]!} (level ${4 - level})`;

/** An entry as text for people: `PDE (level 2) at 0x… = 0x…: rwx, 2-MiB page, WriteBack`. */
function entryText(entry: EptEntry, address: bigint, rules: EptRules): string {
  const access = accessOf(entry.value, rules);
  const head = `${nameOf(entry.level)} at ${hex(address)} = ${hex(entry.value)}: ${accessText(access, rules)}`;
  if (access === 0) return `${head}, not present`;
  if (!isLeaf(entry)) return `${head}, table`;
  const type = memoryTypes.find(([, number]) => number === Number((entry.value >> 3n) & 7n))?.[0];
  const size = ['', '1-GiB', '2-MiB', '4-KiB'][entry.level]!;
  return `${head}, ${size} page, ${type ?? 'reserved memory type'}`;
}

/**
 * Lines for a report: each entry, and what is wrong with the one that is an EPT misconfiguration.
 *
 * @param unreadable why an entry cannot be read.
 */
export function eptWalkText(steps: readonly EptWalkStep[], rules: EptRules, unreadable: string): string[] {
  return steps.map(({ level, address, value }) => {
    if (value === undefined) return `${nameOf(level)} at ${hex(address)} cannot be read: ${unreadable}`;
    const wrong = misconfigurationOf({ level, value }, rules);
    const why = wrong === undefined ? '' : `; misconfigured: ${wrong}. SDM 3C "EPT Misconfigurations"`;
    return `${entryText({ level, value }, address, rules)}${why}`;
  });
}
