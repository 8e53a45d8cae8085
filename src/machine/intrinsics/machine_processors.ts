// SPDX-License-Identifier: LGPL-2.1-only
import type { Processors } from '../../intrinsics/instructions/processor.js';
import type { Execution } from './execution.js';

/** The machine's other processors. Only one processor executes at a time, so nobody ever waits. */
export class MachineProcessors implements Processors {
  constructor(private readonly execution: Execution) {}

  interruptOthers(): void {
    const { processor: own, processors } = this.execution;
    for (const { processor } of processors) if (processor !== own) processor.callVmm();
  }
}
