// SPDX-License-Identifier: LGPL-2.1-only
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import type { Pc } from '../../machine/pc.js';
import { executionState } from '../../machine/report/execution_state.js';
import { pageWalk } from '../../machine/report/page_walk.js';
import { walkedMemory } from '../../machine/report/walked_memory.js';

const PAGE_BYTES = 4096n;

/**
 * The memory of a machine as software on a processor has it, for a debugger. A look changes nothing: no accessed flag, no TLB, no device register. What has
 * no memory behind it cannot be read.
 */
export class GuestMemory {
  /** Addresses are those of the machine's memory, not linear ones. */
  isPhysical = false;

  constructor(private readonly pc: Pc) {}

  /** @returns the bytes up to the first one that is not there; none if there is nothing at the address */
  read(processor: number, address: bigint, count: number): Uint8Array {
    const pieces = this.pieces(processor, address, count);
    const { u8 } = this.pc.core;
    return Buffer.concat(pieces.map(([from, length]) => u8.subarray(from, from + length)));
  }

  /** The same of a physical address, whatever the addresses are now. */
  readPhysical(address: bigint, count: number): Uint8Array {
    const at = this.pc.core.physicalOffset(Number(address));
    return at < 0 ? new Uint8Array(0) : this.pc.core.u8.slice(at, at + count);
  }

  /** @returns whether all of it was there; if not, nothing was written */
  write(processor: number, address: bigint, bytes: Uint8Array): boolean {
    const pieces = this.pieces(processor, address, bytes.length);
    if (pieces.reduce((sum, [, length]) => sum + length, 0) !== bytes.length) return false;
    let from = 0;
    for (const [offset, length] of pieces) {
      this.pc.core.writer.write(offset, bytes, from, length);
      from += length;
    }
    return true;
  }

  /** Physical address of a linear one; undefined if there is none. */
  translate(processor: number, linear: bigint): bigint | undefined {
    const [physical] = this.onProcessor(processor, (each) => physicalOf(each, linear));
    return physical;
  }

  /** Looks at one processor while it is the loaded one. */
  private onProcessor<T>(processor: number, look: (processor: LogicalProcessor) => T): T[] {
    return this.pc.inspect((each) => (each.id === processor ? [look(each)] : [])).flat();
  }

  /** Where the bytes are in the machine's memory, page by page. */
  private pieces(processor: number, address: bigint, count: number): [offset: number, length: number][] {
    const pieces: [number, number][] = [];
    const [found] = this.onProcessor(processor, (each) => {
      for (let at = address, left = count; left > 0;) {
        const length = Math.min(left, Number(PAGE_BYTES - (at % PAGE_BYTES)));
        const physical = this.isPhysical ? at : physicalOf(each, at);
        const offset = physical === undefined ? -1 : each.core.physicalOffset(Number(physical));
        if (offset < 0) break;
        pieces.push([offset, length]);
        left -= length;
        at = BigInt.asUintN(64, at + BigInt(length));
      }
      return pieces;
    });
    return found!;
  }
}

function physicalOf(processor: LogicalProcessor, linear: bigint): bigint | undefined {
  const { physical } = pageWalk(executionState(processor), walkedMemory(processor), linear);
  return physical === null ? undefined : BigInt(physical);
}
