// SPDX-License-Identifier: LGPL-2.1-only
import { Cr0 } from '../../intrinsics/registers/registers.js';
import type { LinearMemory } from '../emulation/linear_memory.js';
import { emulateTaskSwitch } from '../emulation/task_switch.js';
import { writeCr3, type ControlRegisterContext } from './control_register_access.js';

/** Carries out the task switch that caused the exit; the new task's CR3 is loaded as MOV to CR3 loads it. @throws ProcessorFault */
export function carryOutTaskSwitch(context: ControlRegisterContext, memory: LinearMemory): void {
  const hidesTaskSwitched = (context.masks.hiddenLow('cr0') & Cr0.TaskSwitched) !== 0;
  const loadCr3 = (value: number): void => {
    writeCr3(context, value | 0, 0);
    context.invalidateTranslations();
  };
  const { exit, controlRegisters } = context;
  emulateTaskSwitch({ exit, controlRegisters, memory, hidesTaskSwitched, loadCr3 });
}
