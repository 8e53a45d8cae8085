// SPDX-License-Identifier: LGPL-2.1-only
import { Sizes } from '../layout/regions.js';

/** A piece of the physical address space as the firmware interface "E820" tells it: 1 usable, 2 reserved, 3 ACPI tables. */
export interface MemoryMapEntry {
  readonly start: number;
  readonly size: number;
  readonly type: 1 | 2 | 3;
}

/** The smallest and the largest guest RAM in bytes. The largest ends at the PCI hole. */
export const MEMORY_LIMITS = { smallest: 16 * 2 ** 20, largest: Sizes.MAX_RAM } as const;

/** The end of usable memory below 640 KiB: the last kilobyte is the extended BIOS data area by custom. */
export const LOW_MEMORY_END = 0x9fc00;
/** Where the hole of video memory and ROMs begins. */
export const VIDEO_MEMORY_START = 0xa0000;
/** Where memory continues above the hole of video memory and ROMs. */
export const HIGH_MEMORY_START = 0x100000;

/**
 * The memory map of a machine. The VMM's 64-MiB carve-out above 4 GiB is not in it: no guest is told that it exists.
 * @param ramBytes guest RAM, at most 3 GiB, in one piece from physical address 0.
 */
export function memoryMap(ramBytes: number): readonly MemoryMapEntry[] {
  return [
    { start: 0, size: LOW_MEMORY_END, type: 1 },
    { start: LOW_MEMORY_END, size: VIDEO_MEMORY_START - LOW_MEMORY_END, type: 2 },
    { start: 0xe0000, size: HIGH_MEMORY_START - 0xe0000, type: 2 },
    { start: HIGH_MEMORY_START, size: ramBytes - HIGH_MEMORY_START, type: 1 },
  ];
}

/**
 * Bytes of usable memory from 1 MiB up to the first hole.
 * @param map what `memoryMap` returned.
 */
export function upperMemory(map: readonly MemoryMapEntry[]): number {
  return map.find(({ start, type }) => start === HIGH_MEMORY_START && type === 1)?.size ?? 0;
}
