// SPDX-License-Identifier: LGPL-2.1-only
import { aligned, TOKENS, type KallsymsPlaces, type OffsetForm } from './kallsyms_tables.js';
import type { SymbolMemory } from './symbol_memory.js';
import { KERNEL_HALF } from './symbol_table.js';

/** The tables that are known when the offsets are looked for. */
interface KnownTables extends Pick<KallsymsPlaces, 'count' | 'names' | 'tokenIndex' | 'alignment'> {
  readonly virtualOffset: bigint;
}

type Offsets = Pick<KallsymsPlaces, 'offsets' | 'form' | 'base'>;

/** Bytes of the relative base, and of the number of symbols with what aligns it. */
const QUAD = 8;

/** The table of offsets, behind the token index or before the number of symbols, in the form in which its addresses are in order. */
export function findOffsets(memory: SymbolMemory, tables: KnownTables): Offsets | undefined {
  const { count, names, tokenIndex, alignment } = tables;
  const behind = aligned(tokenIndex + 2 * TOKENS, alignment);
  const before = names - 2 * QUAD - aligned(4 * count, QUAD);
  for (const offsets of [behind, before]) {
    const base = aligned(offsets + 4 * count, QUAD);
    if (offsets < 0) continue;
    const form = formOf(memory, offsets, base, tables);
    if (form !== undefined) return { offsets, form, base: form === 'from its place' ? -1 : base };
  }
  return undefined;
}

function formOf(
  memory: SymbolMemory,
  offsets: number,
  base: number,
  { count, virtualOffset }: KnownTables,
): OffsetForm | undefined {
  const { end } = memory.range(offsets, base + QUAD);
  if (end !== base + QUAD) return undefined;
  if (memory.u64(base) >= KERNEL_HALF) {
    if (areInOrder(count, (index) => perProcessor(memory.i32(offsets + 4 * index)))) return 'absolute per processor';
    if (areInOrder(count, (index) => memory.u32(offsets + 4 * index))) return 'from the base';
  }
  // The kernel's first address is before its read-only data.
  const isKernel = virtualOffset + BigInt(offsets) >= KERNEL_HALF && memory.i32(offsets) < 0;
  const isInOrder = isKernel && areInOrder(count, (index) => memory.i32(offsets + 4 * index) + 4 * index);
  return isInOrder ? 'from its place' : undefined;
}

/** Symbols of per-processor variables have their absolute value, and come first. The others are negative: −1 is the base. */
const perProcessor = (offset: number): number => (offset >= 0 ? -1 : -1 - offset);

/** Whether addresses, relative to anything, go up, and are no table of equal numbers. */
function areInOrder(count: number, address: (index: number) => number): boolean {
  for (let index = 1; index < count; index++) if (address(index) < address(index - 1)) return false;
  return address(count - 1) > address(0);
}
