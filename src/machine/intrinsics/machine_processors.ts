// SPDX-License-Identifier: LGPL-2.1-only
import type { Processors } from '../../intrinsics/processor.js';
import type { Execution } from './execution.js';

/** Work for all processors of the machine that run under the VMM. Only one processor executes at a time, so nobody ever waits. */
export class MachineProcessors implements Processors {
  constructor(private readonly execution: Execution) {}

  onEach(work: () => void): void {
    const { processor: own, processors } = this.execution;
    for (const { processor } of processors) if (processor !== own) processor.ask(work);
    work();
  }

  runPending(): void {
    for (const work of this.execution.processor.takeWork()) work();
  }
}
