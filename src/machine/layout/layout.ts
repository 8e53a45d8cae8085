// SPDX-License-Identifier: LGPL-2.1-only
// The one layout of the machine's WebAssembly.Memory. TypeScript imports `Layout`; the build generates the AssemblyScript file
// src/machine/cpu/generated/layout.ts from it (`@inline export const NAME: usize = address` for each entry of `Layout`, `: u32` for each of `Constants`).
//
//     0x000400  processor block: all state of the processor that is loaded (copied on a switch of processors)
//     0x001400  words of the machine, bounce buffers, handler table, CPUID table
//     0x010000  static data of the AssemblyScript program (--memoryBase)
//     0x080000  TLBs, one area a processor
//     0x400000  page map, dirty map, blocks of processors that are not loaded, current VMCS and plain MSRs of each processor
//     0x1000000 decoded records
//     0x7000000 guest RAM, then the VMM's carve-out of 64 MiB (physical 0x1_0000_0000)
import { processorWords } from './processor_words.js';
import { regions, Sizes } from './regions.js';

type Name = keyof typeof processorWords | keyof typeof regions;

/** Places the words of the processor block one after the other. */
function place(): Record<Name, number> {
  const result: Record<string, number> = {};
  let at: number = regions.PROCESSOR;
  for (const [name, size] of Object.entries(processorWords)) {
    const alignment = size >= 16 ? 16 : size;
    at = Math.ceil(at / alignment) * alignment;
    result[name] = at;
    at += size;
  }
  if (at > regions.PROCESSOR + Sizes.PROCESSOR)
    throw new RangeError(`processor block ends at 0x${at.toString(16)}, beyond its region`);
  return { ...result, ...regions } as Record<Name, number>;
}

/** Address in the machine's memory of every word and region, by name. */
export const Layout: Readonly<Record<Name, number>> = Object.freeze(place());

const wordsByAddress = new Map(Object.keys(processorWords).map((name) => [Layout[name as Name], name]));

/** The name of the word of the processor block that begins at an address, if one does. */
export const wordAt = (address: number): string | undefined => wordsByAddress.get(address);

/** Size in bytes of each word of the processor block. */
export const FieldSizes = processorWords;

/** Bytes of memory that a machine with `ramBytes` of RAM needs, a multiple of 64 KiB. */
export function memoryBytes(ramBytes: number): number {
  return Math.ceil((Layout.RAM + ramBytes + Sizes.CARVE_OUT) / 0x10000) * 0x10000;
}
