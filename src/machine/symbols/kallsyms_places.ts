// SPDX-License-Identifier: LGPL-2.1-only
// Where the tables of a Linux kernel's symbols are in memory. The order of the tables and how they write an address have changed several times, so they
// are found by what they must contain, not by the kernel's version:
//   up to 6.3   offsets, relative base, number, names, markers, token table, token index
//   from 6.4    number, names, markers, token table, token index, offsets, relative base
//   from 7.0    the same without a base: an offset is relative to its own place, and tables are aligned to 4 bytes instead of 8
// Between 6.2 and 6.3 one more table is between markers and token table.
import { findOffsets } from './kallsyms_offsets.js';
import {
  aligned,
  alignments,
  MOST_ALIGNMENT,
  nameAt,
  NAMES_OF_MARKER,
  TOKENS,
  type KallsymsPlaces,
} from './kallsyms_tables.js';
import type { SymbolMemory } from './symbol_memory.js';

/** Bytes of all tables before the token table, at most. */
const MOST_BYTES = 16 << 20;
const MOST_SYMBOLS = 1 << 20;
/** Fewer have only one marker, which proves nothing. */
const FEWEST_SYMBOLS = NAMES_OF_MARKER + 1;
const LONGEST_TOKEN = 512;
const FEWEST_BYTES_OF_MARKER = 2 * NAMES_OF_MARKER;
const MOST_BYTES_OF_MARKER = NAMES_OF_MARKER * 1024;

/** Steps of one search. A kernel's tables take some hundred thousand; what looks like tables again and again is a guest's doing. */
const MOST_STEPS = 1 << 23;

const ZERO = 0x30;
const DIGITS = 10;

/**
 * Finds the tables in a range of physical addresses. A guest that has made a maze of them is given up on.
 *
 * @param virtualOffset what makes a virtual address of the kernel's image from a physical one
 */
export function findKallsyms(
  memory: SymbolMemory,
  from: number,
  to: number,
  virtualOffset: bigint,
): KallsymsPlaces | undefined {
  const { start, end } = memory.range(from, to);
  const work: Work = { left: MOST_STEPS };
  for (let at = nextDigits(memory, start, end); at >= 0 && work.left > 0; at = nextDigits(memory, at + 4, end)) {
    work.left -= TOKENS;
    const tokens = tokenTables(memory, at);
    const names = tokens && findNames(memory, tokens.tokens, work);
    const offsets = names && findOffsets(memory, { ...tokens, ...names, virtualOffset });
    if (offsets !== undefined) return { ...tokens!, ...names!, ...offsets };
    if (names !== undefined) work.left -= names.count;
  }
  return undefined;
}

/** Steps that a search may still make. */
interface Work {
  left: number;
}

/** The tokens of the ten digits follow each other, since names have digits: "0", 0, "1", 0 … Their place may be odd. */
function nextDigits(memory: SymbolMemory, start: number, end: number): number {
  const { bytes } = memory;
  const first = Math.ceil((bytes.byteOffset + start) / 4);
  const words = new Uint32Array(bytes.buffer, first * 4, Math.max(Math.floor((bytes.byteOffset + end) / 4) - first, 0));
  for (let index = 0; index < words.length; index++) {
    const back = bytesBefore(words[index]!);
    if (back < 0) continue;
    const at = first * 4 + index * 4 - bytes.byteOffset - back;
    if (at >= start && areDigits(memory, at)) return at;
  }
  return -1;
}

/** How many bytes before an aligned word the digits begin, by what the word has of them; −1 if it has none of them. */
function bytesBefore(word: number): number {
  if (word === 0x00350034) return 8;
  if (word === 0x00340033) return 6;
  if (word === 0x34003300) return 5;
  return word === 0x35003400 ? 7 : -1;
}

function areDigits(memory: SymbolMemory, at: number): boolean {
  for (let digit = 0; digit < DIGITS; digit++)
    if (memory.u8(at + 2 * digit) !== ZERO + digit || memory.u8(at + 2 * digit + 1) !== 0) return false;
  return true;
}

/** The token table around the digits, and the index behind it that has the place of each token. */
function tokenTables(memory: SymbolMemory, digits: number): Pick<KallsymsPlaces, 'tokens' | 'tokenIndex'> | undefined {
  let end = digits;
  for (let token = ZERO; token < TOKENS; token++) {
    const length = tokenLength(memory, end);
    if (length < 0) return undefined;
    end += length + 1;
  }
  for (let tokenIndex = end; tokenIndex <= aligned(end, MOST_ALIGNMENT); tokenIndex++) {
    const tokens = digits - memory.u16(tokenIndex + 2 * ZERO);
    if (isTokenIndex(memory, tokens, tokenIndex, end)) return { tokens, tokenIndex };
  }
  return undefined;
}

function tokenLength(memory: SymbolMemory, at: number): number {
  for (let length = 0; length < LONGEST_TOKEN; length++) if (memory.u8(at + length) === 0) return length;
  return -1;
}

function isTokenIndex(memory: SymbolMemory, tokens: number, tokenIndex: number, end: number): boolean {
  let at = tokens;
  for (let token = 0; token < TOKENS; token++) {
    if (at < 0 || tokens + memory.u16(tokenIndex + 2 * token) !== at) return false;
    at += tokenLength(memory, at) + 1;
  }
  return at === end;
}

/** The names and their markers, before the token table. */
function findNames(
  memory: SymbolMemory,
  tokens: number,
  work: Work,
): Pick<KallsymsPlaces, 'count' | 'names' | 'alignment' | 'markers'> | undefined {
  const { start } = memory.range(tokens - MOST_BYTES, tokens);
  for (let markers = Math.floor((tokens - 4) / 4) * 4; markers >= start && work.left > 0; markers -= 4) {
    work.left--;
    if (memory.u32(markers) !== 0 || !isStep(memory, markers + 4, tokens)) continue;
    const mostMarkers = markersFrom(memory, markers, tokens);
    work.left -= mostMarkers;
    const names = namesBefore(memory, markers, mostMarkers, work);
    if (names !== undefined) return { ...names, markers };
  }
  return undefined;
}

/** Whether a marker is followed by one for 256 names more. */
function isStep(memory: SymbolMemory, at: number, end: number): boolean {
  if (at + 4 > end) return false;
  const bytes = memory.u32(at) - memory.u32(at - 4);
  return bytes >= FEWEST_BYTES_OF_MARKER && bytes <= MOST_BYTES_OF_MARKER;
}

/** How many words could be markers. The word behind the last one may look like one more. */
function markersFrom(memory: SymbolMemory, markers: number, end: number): number {
  let count = 1;
  while (count * NAMES_OF_MARKER < MOST_SYMBOLS && isStep(memory, markers + 4 * count, end)) count++;
  return count;
}

/** The names end at the markers. Their number is before them, and says with the markers where they begin. */
function namesBefore(
  memory: SymbolMemory,
  markers: number,
  mostMarkers: number,
  work: Work,
): Pick<KallsymsPlaces, 'count' | 'names' | 'alignment'> | undefined {
  for (let used = mostMarkers; used >= 2 && used >= mostMarkers - 1; used--) {
    const upToLast = memory.u32(markers + 4 * (used - 1));
    const last = Math.floor((markers - upToLast) / 4) * 4;
    const first = Math.max(last - MOST_BYTES_OF_MARKER, MOST_ALIGNMENT);
    for (let names = last; names >= first && work.left > 0; names -= 4) {
      work.left--;
      // The number is before the names, as far as the alignment of both needs.
      for (const alignment of alignments) {
        if (names % alignment !== 0) continue;
        const count = memory.u32(names - alignment);
        const isCount = count >= FEWEST_SYMBOLS && Math.ceil(count / NAMES_OF_MARKER) === used;
        if (isCount && areNames(memory, { names, count, alignment, markers }, work)) return { names, count, alignment };
      }
    }
  }
  return undefined;
}

function areNames(
  memory: SymbolMemory,
  { names, count, alignment, markers }: Pick<KallsymsPlaces, 'names' | 'count' | 'alignment' | 'markers'>,
  work: Work,
): boolean {
  let at = names;
  for (let index = 0; index < count && work.left-- > 0; index++) {
    if (index % NAMES_OF_MARKER === 0 && at - names !== memory.u32(markers + 4 * (index / NAMES_OF_MARKER)))
      return false;
    const { length, bytes } = nameAt(memory, at);
    if (length === 0) return false;
    at += bytes;
    if (at > markers) return false;
  }
  return work.left > 0 && aligned(at, alignment) === markers;
}
