// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/**
 * Debug mode: records the stack at each write of a VMCS field, so that the report of a failed entry can say where a value came from. It costs a stack
 * trace per write. If it is not bound, it is off.
 */
export interface VmcsWriteTrace {
  readonly enabled: boolean;
}
export const VmcsWriteTrace = component<VmcsWriteTrace>('bareflank.VmcsWriteTrace', 'vmm');
