// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/**
 * Debug mode: with each write of a VMCS field its stack is remembered, so that a failed entry can say where a value came from. Costs a stack
 * trace a write. Not bound: off.
 */
export interface VmcsWriteTrace {
  readonly enabled: boolean;
}
export const VmcsWriteTrace = component<VmcsWriteTrace>('bareflank.VmcsWriteTrace', 'vmm');
