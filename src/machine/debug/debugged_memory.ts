// SPDX-License-Identifier: LGPL-2.1-only
import { PAGE_BYTES } from '../memory/page_contents.js';
import type { Pc } from '../pc.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { executionState } from '../report/execution_state.js';
import { pageWalk } from '../report/page_walk.js';
import { walkedMemory } from '../report/walked_memory.js';

const pageBytes = BigInt(PAGE_BYTES);

/** Bytes in the machine's memory. */
type Piece = readonly [offset: number, length: number];

/**
 * The memory of a machine as software on a processor has it, for those who look at it from outside. A look changes nothing: no accessed flag, no TLB, no
 * device register. What has no memory behind it cannot be read.
 */
export class DebuggedMemory {
  /** Addresses are those of the machine's memory, not linear ones. */
  isPhysical = false;

  constructor(private readonly pc: Pc) {}

  /** @returns the bytes up to the first one that is not there; none if there is nothing at the address */
  read(processor: number, address: bigint, count: number): Uint8Array {
    const pieces = this.pieces(processor, address, count);
    const { u8 } = this.pc.core;
    const bytes = new Uint8Array(lengthOf(pieces));
    let done = 0;
    for (const [offset, length] of pieces) {
      bytes.set(u8.subarray(offset, offset + length), done);
      done += length;
    }
    return bytes;
  }

  /** The same of a physical address, whatever the addresses are now. */
  readPhysical(address: bigint, count: number): Uint8Array {
    const at = this.pc.core.physicalOffset(Number(address));
    return at < 0 ? new Uint8Array(0) : this.pc.core.u8.slice(at, at + count);
  }

  /** @returns whether all of it was there; if not, nothing was written */
  write(processor: number, address: bigint, bytes: Uint8Array): boolean {
    const pieces = this.pieces(processor, address, bytes.length);
    if (lengthOf(pieces) !== bytes.length) return false;
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

  /** Where the bytes are, page by page. */
  private pieces(processor: number, address: bigint, count: number): Piece[] {
    const pieces: Piece[] = [];
    this.onProcessor(processor, (each) => {
      for (let at = address, left = count; left > 0;) {
        const length = Math.min(left, Number(pageBytes - (at % pageBytes)));
        const physical = this.isPhysical ? at : physicalOf(each, at);
        const offset = physical === undefined ? -1 : each.core.physicalOffset(Number(physical));
        if (offset < 0) break;
        pieces.push([offset, length]);
        left -= length;
        at = BigInt.asUintN(64, at + BigInt(length));
      }
    });
    return pieces;
  }
}

const lengthOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, [, length]) => sum + length, 0);

function physicalOf(processor: LogicalProcessor, linear: bigint): bigint | undefined {
  const { physical } = pageWalk(executionState(processor), walkedMemory(processor), linear);
  return physical === null ? undefined : BigInt(physical);
}
