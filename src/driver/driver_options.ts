// SPDX-License-Identifier: LGPL-2.1-only
import type { HandlerTrace } from '../vmm/exit/handler_trace.js';
import type { DriverMachine } from './driver_machine.js';
import type { ModuleSource } from './module_source.js';

/** Options of a driver. */
export interface DriverOptions {
  readonly machine: DriverMachine;
  readonly source: ModuleSource;
  /** One word of (shared) memory: 1 + the place in `handlerNames` of the handler that runs, 0 between exits. */
  readonly whereabouts?: Int32Array;
  /** How many modules may be added. The default is 75. */
  readonly maxModules?: number;
  /** Remember where each VMCS field was written, for the report of a VM entry that fails. */
  readonly traceVmcs?: boolean;
  /** Of the order in which modules are taken at a load. A seed gives the same order each time. The default is 0. */
  readonly loadSeed?: number;
  /** Called with `handlerNames` when a vCPU has its handlers, before the first of them runs. */
  readonly announceHandlers?: (names: readonly string[]) => void;
  /** Called with what says whose code runs, for somebody who sees what that code leaves behind: `PromiseWatch`. */
  readonly watch?: (trace: HandlerTrace) => void;
}
