// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import { Constants } from '../layout/core_constants.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { addressMode, linearRip, type ExecutionState } from './execution_state.js';
import { pageWalk } from './page_walk.js';
import { walkedMemory } from './walked_memory.js';

const pageBytes = 4096n;

/** The place of an instruction, and its bytes. All are plain values; 64-bit numbers are hexadecimal text with 0x. */
export interface InstructionPlace {
  readonly cs: string;
  readonly rip: string;
  readonly linear: string;
  /** Where the linear address leads, after EPT if the processor runs a guest; null if it is not mapped. */
  readonly physical: string | null;
  /** Width of the code segment. */
  readonly bits: 16 | 32 | 64;
  /** The 15 bytes there, or those of them that are memory, as in `0f 01 f9`; empty outside memory. */
  readonly bytes: string;
}

/** Memory at a linear address of software in a state, as far as it is mapped to RAM. */
export function bytesAt(processor: LogicalProcessor, state: ExecutionState, linear: bigint): string {
  const { core } = processor;
  const memory = walkedMemory(processor);
  const bytes: string[] = [];
  let offset = -1;
  for (let at = linear; at < linear + BigInt(Constants.LONGEST_INSTRUCTION); at++) {
    if (at === linear || at % pageBytes === 0n) {
      const { physical } = pageWalk(state, memory, BigInt.asUintN(64, at));
      offset = physical === null ? -1 : core.physicalOffset(Number(physical));
    }
    if (offset < 0) break;
    bytes.push(core.u8[offset++]!.toString(16).padStart(2, '0'));
  }
  return bytes.join(' ');
}

/** The instruction at RIP of the software in a state. */
export function instructionPlace(processor: LogicalProcessor, state: ExecutionState): InstructionPlace {
  const { cs, rip } = state;
  const { bits } = addressMode(state);
  const linear = linearRip(state);
  return {
    cs: hex(cs.selector),
    rip: hex(rip),
    linear: hex(linear),
    physical: pageWalk(state, walkedMemory(processor), linear).physical,
    bits,
    bytes: bytesAt(processor, state, linear),
  };
}
