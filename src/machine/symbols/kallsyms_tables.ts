// SPDX-License-Identifier: LGPL-2.1-only
import type { SymbolMemory } from './symbol_memory.js';

export const TOKENS = 256;
/** One marker for so many names. */
export const NAMES_OF_MARKER = 256;
/** How an address is written. */
export type OffsetForm = 'absolute per processor' | 'from the base' | 'from its place';

/** The tables, by physical address. */
export interface KallsymsPlaces {
  readonly count: number;
  readonly names: number;
  readonly alignment: number;
  readonly markers: number;
  readonly tokens: number;
  readonly tokenIndex: number;
  readonly offsets: number;
  readonly form: OffsetForm;
  /** Physical address of the relative base; −1 if there is none. */
  readonly base: number;
}

/** Lengths of names have at most so many bits. */
const LENGTH_MASK = 0x3fff;

/** Of all tables, in memory: 8 bytes while there was a relative base, of which 8 bytes are an address, and 4 since then. */
export const alignments = [4, 8] as const;
export const MOST_ALIGNMENT = 8;
export const aligned = (at: number, alignment: number): number => Math.ceil(at / alignment) * alignment;

/** A name's length: one byte, or two if bit 7 of the first is 1. @returns the bytes of the name, and with those of its length */
export function nameAt(memory: SymbolMemory, at: number): { readonly length: number; readonly bytes: number } {
  const first = memory.u8(at);
  if (first < 0x80) return { length: first, bytes: first + 1 };
  const length = ((first & 0x7f) | (memory.u8(at + 1) << 7)) & LENGTH_MASK;
  return { length, bytes: length + 2 };
}
