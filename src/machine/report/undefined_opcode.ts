// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import { Constants } from '../layout/core_constants.js';
import { executionState } from './execution_state.js';
import { bytesAt } from './instruction_place.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';

/** The last opcode that this processor does not have: software that dies after one may want a newer processor. All plain JSON values. */
export interface UndefinedOpcode {
  /** How many were met; each raised #UD. */
  readonly count: number;
  readonly rip: string;
  readonly linear: string;
  readonly bits: 16 | 32 | 64;
  /** The bytes that are at that linear address now. */
  readonly bytes: string;
}

const codeBits = [16, 32, 64] as const;

/** The last undefined opcode that the processor met, if any. */
export function undefinedOpcode(processor: LogicalProcessor): UndefinedOpcode | undefined {
  const record = processor.core.records.undefinedOpcode;
  if (record === undefined) return undefined;
  const { count, decodeMode, rip, linear } = record;
  return {
    count,
    rip: hex(rip),
    linear: hex(linear),
    bits: codeBits[decodeMode & Constants.DECODE_CODE] ?? 64,
    bytes: bytesAt(processor, executionState(processor), linear),
  };
}
