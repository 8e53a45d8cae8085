// SPDX-License-Identifier: LGPL-2.1-only
import type { Refusal } from '../../machine/debug/register_writes.js';
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';

/** A register as GDB sees it. */
export interface GdbRegister {
  readonly name: string;
  readonly bits: 16 | 32 | 64 | 80 | 128;
  /** Its type in the target description. */
  readonly type: string;
  readonly feature: 'core' | 'sse' | 'segments' | 'system';
  readonly group?: 'float' | 'vector' | 'system';
  readonly read: (processor: LogicalProcessor) => bigint;
  /** As the instruction that writes it does; or why it is not written by itself. Precondition: the processor is loaded. */
  readonly write: ((processor: LogicalProcessor, value: bigint) => Refusal) | string;
  /** What gives it back what it has now, if a write of the value would not. */
  readonly keep?: (processor: LogicalProcessor) => () => void;
}
