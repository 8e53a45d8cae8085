// SPDX-License-Identifier: LGPL-2.1-only
import { bitsOf, bytesAt, hex } from './instruction_place.js';
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

/** The last undefined opcode that the processor met, if any. */
export function undefinedOpcode(processor: LogicalProcessor): UndefinedOpcode | undefined {
  const record = processor.core.records.undefinedOpcode;
  if (record === undefined) return undefined;
  const { count, decodeMode, rip, linear } = record;
  return {
    count,
    rip: hex(rip),
    linear: hex(linear),
    bits: bitsOf(decodeMode),
    bytes: bytesAt(processor, linear),
  };
}
