// SPDX-License-Identifier: LGPL-2.1-only
import type { SymbolPlace } from '../../intrinsics/texts/symbol_place.js';
import { nameAt, NAMES_OF_MARKER, TOKENS, type KallsymsPlaces } from './kallsyms_tables.js';
import type { SymbolMemory } from './symbol_memory.js';
import { firstOf, KERNEL_HALF } from './symbol_table.js';

/** The longest name of a kernel symbol, its type included. */
const LONGEST_NAME = 512;

/** The symbols of a Linux kernel in guest memory. Nothing is copied: each question reads the kernel's tables, which the guest may have changed. */
export class Kallsyms {
  private readonly mark: number;

  /** @param virtualOffset what makes a virtual address of the kernel's image from a physical one */
  constructor(
    private readonly memory: SymbolMemory,
    private readonly places: KallsymsPlaces,
    readonly virtualOffset: bigint,
  ) {
    this.mark = this.markNow();
  }

  /** Whether the tables are still there. */
  get isThere(): boolean {
    return this.markNow() === this.mark;
  }

  /**
   * The last symbol at or below an address of the kernel.
   *
   * @param names that were read since the tables changed last, by symbol: reading one takes most of the time of a question
   */
  find(address: bigint, names?: Map<number, string>): SymbolPlace | undefined {
    if (address < KERNEL_HALF) return undefined;
    const { count } = this.places;
    const after = firstOf(count, (index) => this.addressAt(index) > address);
    if (after === 0 || after === count) return undefined;
    const found = this.addressAt(after - 1);
    const first = firstOf(after, (index) => this.addressAt(index) >= found);
    if (found < KERNEL_HALF) return undefined;
    const name = names?.get(first) ?? this.nameAt(first).slice(1);
    names?.set(first, name);
    return { name, offset: address - found };
  }

  /** The lowest address of a name. */
  addressOf(name: string): bigint | undefined {
    const { count, names } = this.places;
    let at = names;
    for (let index = 0; index < count; index++) {
      // The type of the symbol is before its name.
      if (this.expanded(at).slice(1) === name) return this.addressAt(index);
      at += nameAt(this.memory, at).bytes;
    }
    return undefined;
  }

  /** The physical address of a virtual one in the kernel's image. */
  physical(address: bigint): number {
    return Number(BigInt.asIntN(64, address - this.virtualOffset));
  }

  private addressAt(index: number): bigint {
    const { memory } = this;
    const { offsets, form, base } = this.places;
    const at = offsets + 4 * index;
    if (form === 'from its place') return BigInt.asUintN(64, BigInt(at) + this.virtualOffset + BigInt(memory.i32(at)));
    const zero = memory.u64(base);
    if (form === 'from the base') return BigInt.asUintN(64, zero + BigInt(memory.u32(at)));
    const offset = memory.i32(at);
    return offset >= 0 ? BigInt(offset) : BigInt.asUintN(64, zero - 1n - BigInt(offset));
  }

  private nameAt(index: number): string {
    const { memory } = this;
    const { names, markers } = this.places;
    let at = names + memory.u32(markers + 4 * Math.floor(index / NAMES_OF_MARKER));
    for (let skipped = index % NAMES_OF_MARKER; skipped > 0; skipped--) at += nameAt(memory, at).bytes;
    return this.expanded(at);
  }

  /** The name at a place, out of its tokens. */
  private expanded(at: number): string {
    const { memory } = this;
    const { tokens, tokenIndex } = this.places;
    const { length, bytes } = nameAt(memory, at);
    let text = '';
    for (let place = at + bytes - length; place < at + bytes && text.length < LONGEST_NAME; place++)
      text += memory.text(tokens + memory.u16(tokenIndex + 2 * memory.u8(place)), LONGEST_NAME);
    return text.slice(0, LONGEST_NAME);
  }

  /** Changes if other things are in the place of the tables. */
  private markNow(): number {
    const { memory } = this;
    const { count, markers, tokenIndex, offsets } = this.places;
    const words = [markers + 4 * Math.ceil(count / NAMES_OF_MARKER) - 4, offsets, offsets + 4 * (count - 1)];
    for (let token = 0; token < TOKENS; token += 2) words.push(tokenIndex + 2 * token);
    return words.reduce((sum, at) => (Math.imul(sum, 31) + memory.u32(at)) | 0, 0);
  }
}
