// SPDX-License-Identifier: LGPL-2.1-only
import type { SymbolPlace } from '../../intrinsics/texts/symbol_place.js';

/** A symbol of a file. */
export interface FileSymbol {
  readonly address: bigint;
  readonly name: string;
}

/** No function and no object is longer: an address that is further from the symbol before it belongs to none. */
const LONGEST = 16n << 20n;

/** From here on addresses are a kernel's. */
export const KERNEL_HALF = 1n << 63n;

/** The symbols of a file, by address. */
export class SymbolTable {
  private readonly addresses: BigUint64Array;
  private readonly names: readonly string[];

  /** @param symbols in any order; of those at one address, the first one counts. */
  constructor(symbols: readonly FileSymbol[]) {
    // In a kernel of the upper half, low addresses are offsets of per-processor variables.
    const isKernel = symbols.some(({ address }) => address >= KERNEL_HALF);
    const places = isKernel ? symbols.filter(({ address }) => address >= KERNEL_HALF) : [...symbols];
    const sorted = places.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    this.addresses = BigUint64Array.from(sorted, ({ address }) => address);
    this.names = sorted.map(({ name }) => name);
  }

  get size(): number {
    return this.names.length;
  }

  /** The last symbol at or below an address. */
  find(address: bigint): SymbolPlace | undefined {
    const { addresses } = this;
    const after = firstOf(addresses.length, (index) => addresses[index]! > address);
    const found = addresses[after - 1];
    if (found === undefined || address - found >= LONGEST) return undefined;
    const first = firstOf(after, (index) => addresses[index]! >= found);
    return { name: this.names[first]!, offset: address - found };
  }

  /** The lowest address of a name. */
  addressOf(name: string): bigint | undefined {
    const index = this.names.indexOf(name);
    return index < 0 ? undefined : this.addresses[index];
  }
}

/** The first of `count` places at which something is true that is true at all places behind it; `count` if there is none. */
export function firstOf(count: number, isTrue: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isTrue(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
