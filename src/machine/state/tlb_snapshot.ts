// SPDX-License-Identifier: LGPL-2.1-only
// The TLBs of a processor in a snapshot: the used entries of the host's and of the guest's set, with the page of memory that each leads to. To flush
// them instead would be visible: software may clear accessed flags without an invalidation. cpu/tlb/tlb.ts describes the entries.
import { Constants } from '../layout/core_constants.js';
import { Layout } from '../layout/layout.js';
import { Sizes } from '../layout/regions.js';

/** Tables of a set: three for data, two for instructions. */
const DATA_TABLES = Constants.TLB_SET / Constants.TLB_BYTES;
const TABLES = DATA_TABLES + 2;
const ENTRY_BYTES = Constants.TLB_BYTES / Constants.TLB_ENTRIES;
/** Places of entries in a set: table × TLB_ENTRIES + index. */
export const TLB_PLACES = TABLES * Constants.TLB_ENTRIES;
const PAGE_SHIFT = 12;
const NONE = 0xffffffff;
/** TLB_GUEST_TAG: an EPT pointer, and a VPID above it. */
const TAG_POINTER_BITS = 48;
const VPID_BITS = 0x7fffn;

/** Words of an entry. */
const Word = { Tag: 0, WriteTag: 2, HeldBackTag: 4, Addend: 6, Flags: 7 } as const;

/** A set of TLBs. The arrays of entries have the same length. */
export interface TlbSetState {
  /** Where the entries are in the set. */
  readonly places: Uint16Array;
  /** Their linear pages, as numbers. */
  readonly linear: BigUint64Array;
  /** The pages of RAM and carve-out that they lead to, as numbers from the start of RAM. */
  readonly frames: Uint32Array;
  /** Of data tables: 1 if the entry translates writes. */
  readonly writable: Uint8Array;
  /** ENTRY_* of cpu/tlb/tlb.ts. */
  readonly flags: Uint8Array;
  /** The places in the order in which they were filled, as far as the core's log has room. Its count is a word of the block. */
  readonly log: Uint16Array;
}

/** The sets by number: 0 of the host, 1 of the guest. */
export type TlbState = readonly [TlbSetState, TlbSetState];

/** The machine's memory as words. */
interface Words {
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
}

const areaOf = (processor: number): number => Layout.TLBS + processor * Sizes.TLB_STRIDE;

/** Address of the entry at a place of a set. */
function entryAt(processor: number, set: number, place: number): number {
  const table = Math.floor(place / Constants.TLB_ENTRIES);
  const tables =
    table < DATA_TABLES
      ? set * Constants.TLB_SET + table * Constants.TLB_BYTES
      : Constants.TLB_FETCHES + (2 * set + table - DATA_TABLES) * Constants.TLB_BYTES;
  return areaOf(processor) + tables + (place % Constants.TLB_ENTRIES) * ENTRY_BYTES;
}

function placeOf(processor: number, set: number, address: number): number {
  const offset = address - areaOf(processor);
  const isData = offset < Constants.TLB_FETCHES;
  const first = isData ? set * Constants.TLB_SET : Constants.TLB_FETCHES + 2 * set * Constants.TLB_BYTES;
  return (isData ? 0 : DATA_TABLES * Constants.TLB_ENTRIES) + (offset - first) / ENTRY_BYTES;
}

const logAt = (processor: number, set: number): number =>
  areaOf(processor) + Constants.TLB_LOGS + set * Constants.TLB_LOG_BYTES;

/** How many entries of the log are valid; none once it has overflowed, since a flush then sweeps the whole set. */
const logLength = (count: number): number => (count > Constants.TLB_LOG_ENTRIES ? 0 : count);

/** @param logged the word TLB_LOG_COUNT of each set. */
export function saveTlbs(words: Words, processor: number, logged: readonly [number, number]): TlbState {
  return [saveSet(words, processor, 0, logged[0]), saveSet(words, processor, 1, logged[1])];
}

function saveSet({ u32, u64 }: Words, processor: number, set: number, logged: number): TlbSetState {
  const used: number[] = [];
  for (let place = 0; place < TLB_PLACES; place++) {
    const at = entryAt(processor, set, place) >>> 2;
    if (u32[at] !== NONE || u32[at + 1] !== NONE) used.push(place);
  }
  const entries = used.map((place) => entryAt(processor, set, place));
  const isWritable = (at: number, place: number): boolean =>
    place < DATA_TABLES * Constants.TLB_ENTRIES &&
    (u32[(at >>> 2) + Word.WriteTag] !== NONE || u32[(at >>> 2) + Word.HeldBackTag] !== NONE);
  const log = logAt(processor, set) >>> 2;
  return {
    places: Uint16Array.from(used),
    linear: BigUint64Array.from(entries, (at) => u64[at >>> 3]! >> BigInt(PAGE_SHIFT)),
    frames: Uint32Array.from(entries, (at) => frameOf(u32, at >>> 2)),
    writable: Uint8Array.from(entries, (at, i) => (isWritable(at, used[i]!) ? 1 : 0)),
    flags: Uint8Array.from(entries, (at) => u32[(at >>> 2) + Word.Flags]!),
    log: Uint16Array.from(u32.subarray(log, log + logLength(logged)), (at) => placeOf(processor, set, at)),
  };
}

/** Where entries of a page lead. */
export interface CachedPage {
  /** The page. */
  readonly physical: bigint;
  readonly accesses: ReadonlySet<TranslatedAccess>;
}
export type TranslatedAccess = 'read' | 'write' | 'execute';

/**
 * What a set of the loaded processor has of a page, for reports.
 *
 * @param set 0 of the host, 1 of the guest
 */
export function cachedPages(words: Words, processor: number, set: 0 | 1, linear: bigint): CachedPage[] {
  const found = new Map<bigint, Set<TranslatedAccess>>();
  const { places, linear: pages, frames, writable } = saveSet(words, processor, set, 0);
  pages.forEach((page, i) => {
    if (page !== linear >> BigInt(PAGE_SHIFT)) return;
    const physical = physicalOf(words, frames[i]!);
    const accesses = found.get(physical) ?? new Set();
    found.set(physical, accesses.add(places[i]! < DATA_TABLES * Constants.TLB_ENTRIES ? 'read' : 'execute'));
    if (writable[i] === 1) accesses.add('write');
  });
  return [...found].map(([physical, accesses]) => ({ physical, accesses }));
}

/** The EPT pointer of the guest set of the loaded processor, bits 47:0; undefined if it has nothing, or nothing that outlives a VM exit: without a VPID. */
export function guestPointerKept({ u64 }: Words): bigint | undefined {
  const tag = u64[Layout.TLB_GUEST_TAG >>> 3]!;
  const vpid = (tag >> BigInt(TAG_POINTER_BITS)) & VPID_BITS;
  return vpid === 0n ? undefined : BigInt.asUintN(TAG_POINTER_BITS, tag);
}

/** The VMM's memory comes behind RAM in the machine's memory, and at CARVE_OUT_GIB for software. */
function physicalOf({ u32 }: Words, frame: number): bigint {
  const at = BigInt(frame) << BigInt(PAGE_SHIFT);
  const ram = BigInt(u32[Layout.RAM_BYTES >>> 2]!);
  return at < ram ? at : at - ram + (BigInt(Sizes.CARVE_OUT_GIB) << 30n);
}

/** The addend leads from a linear address to the machine's memory. */
function frameOf(u32: Uint32Array, at: number): number {
  const host = (u32[at + Word.Tag]! + u32[at + Word.Addend]!) >>> 0;
  return (host - Layout.RAM) >>> PAGE_SHIFT;
}

/** The parts of a set in the machine's memory: data tables, fetch tables, and the log of entries as far as it is filled. */
function partsOf(processor: number, set: number, logged: number): (readonly [from: number, bytes: number])[] {
  const area = areaOf(processor);
  const fetches = 2 * Constants.TLB_BYTES;
  return [
    [area + set * Constants.TLB_SET, Constants.TLB_SET],
    [area + Constants.TLB_FETCHES + set * fetches, fetches],
    [logAt(processor, set), 4 * Math.min(logged, Constants.TLB_LOG_ENTRIES)],
  ];
}

/** The memory of one set, with all write tags held back. */
export interface RawTlbSet {
  readonly isEmpty: boolean;
  readonly parts: readonly (readonly [at: number, bytes: Uint8Array])[];
}

/** Copies a set as it is. @param logged the word TLB_LOG_COUNT of the set: 0 if nothing is in it. */
export function copyTlbSet(u8: Uint8Array, processor: number, set: number, logged: number): RawTlbSet {
  const parts = partsOf(processor, set, logged).map(([from, bytes]) => [from, u8.slice(from, from + bytes)] as const);
  return { isEmpty: logged === 0, parts };
}

/** Puts a set back. @param logged the word TLB_LOG_COUNT of the set as it is now. */
export function putTlbSet(u8: Uint8Array, { isEmpty, parts }: RawTlbSet, logged: number): void {
  if (isEmpty && logged === 0) return;
  for (const [at, bytes] of parts) u8.set(bytes, at);
}

/** Replaces the TLBs. All write tags are held back: the first write to a page comes to the slow path, which translates by the tag all the same. */
export function restoreTlbs(words: Words, processor: number, state: TlbState): void {
  const from = areaOf(processor) >>> 2;
  words.u32.fill(NONE, from, from + Constants.TLB_LOGS / 4);
  state.forEach((set, number) => restoreSet(words, processor, number, set));
}

function restoreSet(words: Words, processor: number, set: number, state: TlbSetState): void {
  const { u32 } = words;
  state.places.forEach((place, i) => restoreEntry(words, entryAt(processor, set, place) >>> 2, place, state, i));
  const log = logAt(processor, set) >>> 2;
  state.log.forEach((place, i) => (u32[log + i] = entryAt(processor, set, place)));
}

function restoreEntry({ u32, u64 }: Words, at: number, place: number, state: TlbSetState, i: number): void {
  const tag = state.linear[i]! << BigInt(PAGE_SHIFT);
  u64[at >>> 1] = tag;
  u32[at + Word.Addend] = Layout.RAM + state.frames[i]! * 2 ** PAGE_SHIFT - Number(BigInt.asUintN(32, tag));
  u32[at + Word.Flags] = state.flags[i]!;
  if (place >= DATA_TABLES * Constants.TLB_ENTRIES) {
    // The decoder keeps its own notes in these words of a fetch entry: none yet.
    u32.fill(0, at + Word.WriteTag, at + Word.Addend);
  } else if (state.writable[i] === 1) u64[(at + Word.HeldBackTag) >>> 1] = tag;
}
