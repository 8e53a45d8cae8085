// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from './layout/layout.js';
import { Sizes } from './layout/regions.js';
import type { WasmCore } from './processor/wasm_core.js';

const [fromFactor, toFactor] = [0x9e3779b97f4a7c15n, 0xc2b2ae3d27d4eb4fn];

/** The place in the map of a taken branch, by its RIP and its target's. The core has the same function: cpu/dispatch/branch_counts.ts. */
export function placeOfBranch(from: bigint, to: bigint): number {
  const turned = BigInt.asUintN(64, to * toFactor);
  const mixed = BigInt.asUintN(64, from * fromFactor) ^ BigInt.asUintN(64, (turned << 31n) | (turned >> 33n));
  return Number((mixed ^ (mixed >> 32n)) & BigInt(Sizes.BRANCH_COUNTS - 1));
}

/**
 * Which branches the software on the machine has taken, as a map that fuzzers know: 64 KiB, a byte for each pair of a branch and its target. Two pairs may share
 * a byte. All near branches, calls, returns and far transfers count, of all processors and privileges; an exception or interrupt does not. The state of the
 * machine is the same with and without the map.
 */
export class BranchCoverage {
  /** How often each was taken; 255 is the most. The same array at all times. */
  readonly map: Uint8Array;

  constructor(private readonly core: WasmCore) {
    this.map = core.u8.subarray(Layout.BRANCH_COUNTS, Layout.BRANCH_COUNTS + Sizes.BRANCH_COUNTS);
  }

  get isOn(): boolean {
    return this.core.u32[Layout.COUNTS_BRANCHES / 4] !== 0;
  }

  /** Begins to count, with an empty map. Code runs slower from now on, since no block goes on to the next one by itself. Call it between two quanta. */
  start(): void {
    this.clear();
    this.core.u32[Layout.COUNTS_BRANCHES / 4] = 1;
    // Decoded blocks may be linked.
    this.core.flushCode();
  }

  /** Counts no more. The map stays as it is. */
  stop(): void {
    this.core.u32[Layout.COUNTS_BRANCHES / 4] = 0;
  }

  clear(): void {
    this.map.fill(0);
  }
}
