// SPDX-License-Identifier: LGPL-2.1-only
// The blocks of the processors of the machine. The loaded processor's is at a constant address, so that
// other processors cost no instruction anything; their blocks are parked. A switch copies two blocks.
import { PROCESSOR, PROCESSOR_BYTES, PROCESSOR_ID, PROCESSORS } from "../generated/layout";

/** Where a word of the block is while its processor is parked. */
@inline export function parked(processor: u32, word: usize): usize { return PROCESSORS + processor * PROCESSOR_BYTES + (word - PROCESSOR); }
/** Parks the loaded processor and loads another one. Between two instructions only. */
export function exchange(processor: u32): void {
  memory.copy(parked(load<u32>(PROCESSOR_ID), PROCESSOR), PROCESSOR, PROCESSOR_BYTES);
  memory.copy(PROCESSOR, parked(processor, PROCESSOR), PROCESSOR_BYTES);
  store<u32>(PROCESSOR_ID, processor);
}
