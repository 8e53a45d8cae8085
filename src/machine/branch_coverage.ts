// SPDX-License-Identifier: LGPL-2.1-only
import { Constants } from './layout/core_constants.js';
import { Sizes } from './layout/regions.js';
import { fromHalves } from './processor/halves.js';
import type { WasmCore } from './processor/wasm_core.js';

const fromFactor = fromHalves(Constants.BRANCH_FROM_LOW, Constants.BRANCH_FROM_HIGH);
const toFactor = fromHalves(Constants.BRANCH_TO_LOW, Constants.BRANCH_TO_HIGH);

/** The place in the map of a taken branch, by its RIP and its target's. The core has the same function: cpu/dispatch/branch_counts.ts. */
export function placeOfBranch(from: bigint, to: bigint): number {
  const turned = BigInt.asUintN(64, to * toFactor);
  const mixed = BigInt.asUintN(64, from * fromFactor) ^ BigInt.asUintN(64, (turned << 31n) | (turned >> 33n));
  return Number((mixed ^ (mixed >> 32n)) & BigInt(Sizes.BRANCH_COUNTS - 1));
}

/** A bit for each class of counts: 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, more. */
const classes = Uint8Array.from({ length: 256 }, (_, count) => {
  if (count < 4) return (1 << count) >> 1;
  const class_ = [8, 16, 32, 128].findIndex((end) => count < end);
  return 8 << (class_ < 0 ? 4 : class_);
});

/**
 * Which branches the software on the machine has taken, as a map that fuzzers know: 64 KiB, a byte for each pair of a branch and its target. Two pairs may share
 * a byte. All near branches, calls, returns and far transfers count, of all processors and privileges; an exception or interrupt does not. The state of the
 * machine is the same with and without the map.
 */
export class BranchCoverage {
  /** How often each was taken; 255 is the most. The same array at all times. */
  readonly map: Uint8Array;
  private readonly words: Uint32Array;

  constructor(private readonly core: WasmCore) {
    this.map = core.branchCounts;
    this.words = new Uint32Array(this.map.buffer, this.map.byteOffset, this.map.length / 4);
  }

  get isOn(): boolean {
    return this.core.countsBranches;
  }

  /** Begins to count, with an empty map. Code runs slower from now on, since no block goes on to the next one by itself. Call it between two quanta. */
  start(): void {
    this.clear();
    this.core.countsBranches = true;
  }

  /** Counts no more. The map stays as it is. */
  stop(): void {
    this.core.countsBranches = false;
  }

  clear(): void {
    this.map.fill(0);
  }

  /**
   * Adds what was taken to what earlier runs have taken.
   *
   * @param seen of each byte of the map, bits for how often: 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, more
   * @returns whether that is new
   */
  addTo(seen: Uint8Array): boolean {
    let isNew = false;
    for (let word = 0; word < this.words.length; word++)
      if (this.words[word] !== 0) isNew = this.addWord(seen, word * 4) || isNew;
    return isNew;
  }

  private addWord(seen: Uint8Array, from: number): boolean {
    let isNew = false;
    for (let at = from; at < from + 4; at++) {
      const bit = classes[this.map[at]!]!;
      if ((seen[at]! & bit) === bit) continue;
      seen[at] = seen[at]! | bit;
      isNew = true;
    }
    return isNew;
  }
}
