// SPDX-License-Identifier: LGPL-2.1-only
import type { TripleFault } from './report/triple_fault.js';
import type { UndefinedOpcode } from './report/undefined_opcode.js';
import type { Unimplemented } from './report/unimplemented.js';

/** How a machine ended. */
export interface PcEnd {
  readonly kind: 'powered-off' | 'debug-exit' | 'reset' | 'dead';
  /** Which port it was, or why the machine died. */
  readonly detail: string;
  /** Of a death: software halted with interrupts off. */
  readonly isHalted?: true;
  /** Of a death: the processor that died. */
  readonly processor?: number;
  /** Of a death because software asked for something that the machine does not do: what, and where. */
  readonly unimplemented?: Unimplemented;
  /** Of a death: the last opcode that the processor did not know, if there was one. */
  readonly undefinedOpcode?: UndefinedOpcode;
  /** Of a death by triple fault: the exceptions that led to it. */
  readonly tripleFault?: TripleFault;
}
