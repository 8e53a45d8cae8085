// SPDX-License-Identifier: LGPL-2.1-only
import type { MachineState } from './machine_state.js';
import { PAGE_BYTES } from '../memory/page_contents.js';
import type { RawTlbSet } from './tlb_snapshot.js';

/** Regions of a processor, as they are in memory: to copy them takes a fraction of the time that their parts one by one would. */
export interface RawProcessor {
  readonly block: Uint8Array;
  /** The host's and the guest's. */
  readonly tlbs: readonly [RawTlbSet, RawTlbSet];
  readonly vmx: Uint8Array;
  readonly msrs: Uint8Array;
}

/** A moment of a machine, to which `Pc.reset` brings it back. It belongs to that machine, and to the present process. */
export class MachinePoint {
  /** The bytes of each page that was not zero. */
  readonly pages = new Map<number, Uint8Array>();

  constructor(
    readonly owner: object,
    readonly state: MachineState,
    readonly processors: readonly RawProcessor[],
  ) {
    for (const { numbers, bytes } of state.pages)
      numbers.forEach((page, i) => this.pages.set(page, bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES)));
  }
}
