// SPDX-License-Identifier: LGPL-2.1-only
import type { MachineWithVmm } from '../machine_with_vmm.js';
import type { ExploredTarget } from './observed_run.js';

/** A machine that is explored from its present moment on. @throws MachineStateError, VmmImageError if something cannot be saved now */
export function markedTarget(machine: MachineWithVmm): ExploredTarget {
  const moment = machine.mark();
  return {
    pc: machine.pc,
    driver: machine.driver,
    get output() {
      return machine.output;
    },
    reset: () => machine.reset(moment),
  };
}
