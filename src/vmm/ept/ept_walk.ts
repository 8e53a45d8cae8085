// SPDX-License-Identifier: LGPL-2.1-only
// A walk of EPT paging structures for reports. SDM 3C "EPT Translation Mechanism", "EPT Misconfigurations".
import { MemoryType } from '../../intrinsics/registers.js';
import { pageAddressMask } from '../memory_manager/page_table_entry_x64.js';
import { indexAt, levelShifts } from '../memory_manager/page_walk.js';
import { hex } from '../support/text.js';
import { EptAccess } from './ept.js';
import { largeBit } from './ept_map.js';

const levelNames = ['PML4E', 'PDPTE', 'PDE', 'PTE'] as const;
const lastLevel = 3;
const accessBits = BigInt(EptAccess.All);
const memoryTypes = Object.entries(MemoryType).filter(([name]) => name !== 'UncacheableMinus');

/** What the processor allows in entries. */
export interface EptRules {
  readonly physicalAddressWidth: number;
  readonly hasExecuteOnly: boolean;
}

/** An entry on the walk. */
export interface EptWalkStep {
  /** 0: PML4E … 3: PTE. */
  readonly level: number;
  readonly value: bigint;
}

const isLeaf = ({ level, value }: EptWalkStep): boolean =>
  level === lastLevel || (level > 0 && (value & largeBit) !== 0n);
const mask = (from: number, to: number): bigint => ((1n << BigInt(to - from + 1)) - 1n) << BigInt(from);

/** The entries by which an address is translated, from the root down to the last one that the processor reads. */
export function walkEpt(pointer: bigint, guestPhysical: bigint, read64: (physical: bigint) => bigint): EptWalkStep[] {
  const steps: EptWalkStep[] = [];
  let table = pointer & pageAddressMask;
  for (let level = 0; level <= lastLevel; level++) {
    const step = { level, value: read64(table + 8n * BigInt(indexAt(guestPhysical, level))) };
    steps.push(step);
    if ((step.value & accessBits) === 0n || isLeaf(step)) break;
    table = step.value & pageAddressMask;
  }
  return steps;
}

/** Bits that must be 0 in an entry, by its level and whether it maps a page. */
function reservedBits(step: EptWalkStep, { physicalAddressWidth }: EptRules): bigint {
  const high = physicalAddressWidth > 51 ? 0n : mask(physicalAddressWidth, 51);
  if (!isLeaf(step)) return high | (step.level === 0 ? mask(3, 7) : mask(3, 6));
  return step.level === lastLevel ? high : high | mask(12, Number(levelShifts[step.level]!) - 1);
}

/** Why an entry is an EPT misconfiguration, or undefined if it is none. */
export function misconfigurationOf(step: EptWalkStep, rules: EptRules): string | undefined {
  const { value } = step;
  const access = Number(value & accessBits);
  if (access === 0) return undefined;
  if ((access & EptAccess.Write) !== 0 && (access & EptAccess.Read) === 0) return 'it permits writes and no reads';
  if (access === EptAccess.Execute && !rules.hasExecuteOnly)
    return 'it permits execution alone, which this processor does not support';
  const reserved = value & reservedBits(step, rules);
  if (reserved !== 0n) return `reserved bits ${hex(reserved)} are 1`;
  const type = Number((value >> 3n) & 7n);
  if (isLeaf(step) && !memoryTypes.some(([, number]) => number === type)) return `memory type ${type} is reserved`;
  return undefined;
}

function accessText(value: bigint): string {
  return ['r', 'w', 'x'].map((letter, bit) => ((value >> BigInt(bit)) & 1n ? letter : '-')).join('');
}

/** An entry as text for people: `PDE (level 2) = 0x…: rwx, 2-MiB page, WriteBack`. */
function entryText(step: EptWalkStep): string {
  const head = `${levelNames[step.level]!} (level ${4 - step.level}) = ${hex(step.value)}: ${accessText(step.value)}`;
  if ((step.value & accessBits) === 0n) return `${head}, not present`;
  if (!isLeaf(step)) return `${head}, table`;
  const type = memoryTypes.find(([, number]) => number === Number((step.value >> 3n) & 7n))?.[0];
  const size = ['', '1-GiB', '2-MiB', '4-KiB'][step.level]!;
  return `${head}, ${size} page, ${type ?? 'reserved memory type'}`;
}

/** Lines for a report: each entry, and what is wrong with the one that is an EPT misconfiguration. */
export function eptWalkText(steps: readonly EptWalkStep[], rules: EptRules): string[] {
  return steps.map((step) => {
    const wrong = misconfigurationOf(step, rules);
    return `${entryText(step)}${wrong === undefined ? '' : `; misconfigured: ${wrong}. SDM 3C "EPT Misconfigurations"`}`;
  });
}
