// SPDX-License-Identifier: LGPL-2.1-only
// The tables by which a Linux kernel finds who called a function, made by objtool. Linux documentation "ORC unwinder".
import type { SymbolMemory } from './symbol_memory.js';

/** From which register the stack pointer of the caller, and its RBP, are computed. */
export const OrcRegister = {
  Undefined: 0,
  PreviousStackPointer: 1,
  BasePointer: 4,
  StackPointer: 5,
  BasePointerIndirect: 8,
  StackPointerIndirect: 9,
} as const;

/** What is at the computed place: a return address, or the registers of what was interrupted, all of them or what IRET takes. */
export type OrcKind = 'call' | 'registers' | 'interrupt frame';

/** How to come from an address to its caller. */
export interface OrcEntry {
  /** undefined: nobody has called. */
  readonly kind: OrcKind | undefined;
  readonly stackRegister: number;
  readonly stackOffset: number;
  readonly baseRegister: number;
  readonly baseOffset: number;
}

/** Of an entry: two offsets of 16 bits, a byte with the two registers, and a byte with the kind. */
const ENTRY_BYTES = 6;
const KIND_BITS = 7;
/** The kinds by their numbers, up to Linux 6.3 and from 6.4 on. */
const oldKinds: readonly (OrcKind | undefined)[] = ['call', 'registers', 'interrupt frame'];
const newKinds: readonly (OrcKind | undefined)[] = [undefined, undefined, 'call', 'registers', 'interrupt frame'];
/** More than a kernel has. */
const MOST_ENTRIES = 4_000_000;

/** Tables, as a copy: a kernel does not change them. */
export class OrcTables {
  private readonly kinds: readonly (OrcKind | undefined)[];

  /** @param starts where each entry begins to hold, as the distance from `base`, in order. @param entries six bytes each */
  private constructor(
    private readonly base: bigint,
    private readonly starts: Float64Array,
    private readonly entries: DataView,
  ) {
    this.kinds = this.mostKind() === 2 ? newKinds : oldKinds;
  }

  /**
   * The tables of the kernel's image; those of its modules are not read.
   *
   * @param addressOf addresses of the kernel's names. @param offset from physical to virtual addresses of the image
   */
  static of(
    memory: SymbolMemory,
    addressOf: (name: string) => bigint | undefined,
    offset: bigint,
  ): OrcTables | undefined {
    const names = ['__start_orc_unwind_ip', '__stop_orc_unwind_ip', '__start_orc_unwind', '__stop_orc_unwind'];
    const addresses = names.map(addressOf).filter((address) => address !== undefined);
    if (addresses.length < names.length) return undefined;
    const [firstPlace, lastPlace, firstEntry, lastEntry] = addresses.map((address) => Number(address - offset)) as [
      ...[number, number, number, number],
    ];
    const count = (lastPlace - firstPlace) / 4;
    const isWhole = count > 0 && count < MOST_ENTRIES && lastEntry - firstEntry === count * ENTRY_BYTES;
    if (!isWhole || !isInside(memory, firstPlace, lastPlace) || !isInside(memory, firstEntry, lastEntry))
      return undefined;
    const starts = Float64Array.from({ length: count }, (_, i) => 4 * i + memory.i32(firstPlace + 4 * i));
    if (starts.some((start, i) => i > 0 && start < starts[i - 1]!)) return undefined;
    const entries = memory.bytes.slice(firstEntry, lastEntry);
    return new OrcTables(addresses[0]!, starts, new DataView(entries.buffer));
  }

  /** The entry that holds at an address of the image. */
  find(address: bigint): OrcEntry | undefined {
    const { starts, entries, kinds } = this;
    const place = Number(address - this.base);
    let [low, high] = [0, starts.length - 1];
    if (!(place >= starts[low]! && place < starts[high]!)) return undefined;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= place) low = middle;
      else high = middle;
    }
    const at = low * ENTRY_BYTES;
    const registers = entries.getUint8(at + 4);
    return {
      kind: kinds[entries.getUint8(at + 5) & KIND_BITS & (kinds === oldKinds ? 3 : KIND_BITS)],
      stackRegister: registers & 15,
      stackOffset: entries.getInt16(at, true),
      baseRegister: registers >>> 4,
      baseOffset: entries.getInt16(at + 2, true),
    };
  }

  /** A function's body has a call's kind: it is the most frequent one by far, and its number tells the formats apart. */
  private mostKind(): number {
    const counts = new Uint32Array(KIND_BITS + 1);
    for (let at = ENTRY_BYTES - 1; at < this.entries.byteLength; at += ENTRY_BYTES)
      counts[this.entries.getUint8(at) & KIND_BITS]!++;
    return counts.indexOf(Math.max(...counts));
  }
}

const isInside = (memory: SymbolMemory, from: number, to: number): boolean => {
  const { start, end } = memory.range(from, to);
  return from < to && start === from && end === to;
};
