// SPDX-License-Identifier: LGPL-2.1-only
import { ActivityState } from '../../intrinsics/registers/registers.js';
import { hex } from '../../intrinsics/texts/hex.js';
import type { ProcessorBlock } from '../processor/processor_block.js';
import type { ExecutionState } from './execution_state.js';

const activities: Readonly<Record<number, string>> = {
  [ActivityState.Active]: 'active',
  [ActivityState.Hlt]: 'halted',
  [ActivityState.Shutdown]: 'shut down',
  [ActivityState.WaitForSipi]: 'waits for a start-up IPI',
};
const vmxModes = ['outside VMX operation', 'VMX root operation', 'VMX non-root operation'];

/** RAX … R15 and RFLAGS with their values. */
export function generalRegisters({ general, rflags }: ExecutionState): Readonly<Record<string, string>> {
  return Object.fromEntries([...general, ['RFLAGS', rflags] as const].map(([name, value]) => [name, hex(value)]));
}

/** Whether the processor is in VMX operation. */
export function vmxName(block: ProcessorBlock): string {
  return vmxModes[block.get('VMX_MODE')] ?? '?';
}

/** The activity state. MWAIT has states of its own here. */
export function activityName(block: ProcessorBlock): string {
  return activities[block.get('ACTIVITY')] ?? 'waits in MWAIT';
}
