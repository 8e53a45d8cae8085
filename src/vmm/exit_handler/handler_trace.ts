// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** The handler that runs now. A watchdog outside the VMM's thread reads it to name a handler that does not return. */
export interface HandlerTrace {
  /** Word 0: 1 + the place in `names` of the handler that runs, 0 between exits. May be shared memory. */
  readonly words: Int32Array;
  /** Names of contributions and exit handlers, filled when vCPUs are made. */
  readonly names: string[];
}
export const HandlerTrace = component<HandlerTrace>('bareflank.HandlerTrace', 'vmm');

/** 1 + the place of a name, adding it if it is new. */
export function traceNumber(trace: HandlerTrace, name: string): number {
  const at = trace.names.indexOf(name);
  return at >= 0 ? at + 1 : trace.names.push(name);
}
