// SPDX-License-Identifier: LGPL-2.1-only
import { bitsOf, bytesAt, hex } from './instruction_place.js';
import { Layout } from './layout.js';
import type { LogicalProcessor } from './vmx/logical_processor.js';

/** The last opcode that this processor does not have: software that dies after one may want a newer processor. All plain JSON values. */
export interface UndefinedOpcode {
  /** How many were met; each raised #UD. */
  readonly count: number;
  readonly rip: string;
  readonly linear: string;
  readonly bits: 16 | 32 | 64;
  /** What stands at that linear address now. */
  readonly bytes: string;
}

/** The last undefined opcode that the processor met, if any. */
export function undefinedOpcode(processor: LogicalProcessor): UndefinedOpcode | undefined {
  const { u32, u64 } = processor.core;
  const count = u32[Layout.UNDEFINED / 4]!;
  if (count === 0) return undefined;
  const linear = u64[Layout.UNDEFINED / 8 + 2]!;
  return {
    count,
    rip: hex(u64[Layout.UNDEFINED / 8 + 1]!),
    linear: hex(linear),
    bits: bitsOf(u32[Layout.UNDEFINED / 4 + 1]!),
    bytes: bytesAt(processor, linear),
  };
}
