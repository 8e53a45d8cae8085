// SPDX-License-Identifier: LGPL-2.1-only
import { contribution } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import type { Vcpu } from './vcpu.js';

/** Takes part in the life of a vCPU. Start methods run in order, after the base's own. Stop methods run in reverse, before the base's. */
export interface VcpuContribution extends Contribution {
  /** All parts are initialised; VMX operation is not on yet. An exception ends the start. */
  onInit?(vcpu: Vcpu): void;
  /** The launch succeeded: the caller is a guest now. */
  onRun?(vcpu: Vcpu): void;
  /** VMX operation is about to end. */
  onHlt?(vcpu: Vcpu): void;
  /** The parts are about to be finished. */
  onFini?(vcpu: Vcpu): void;
}
export const VcpuContribution = contribution<VcpuContribution>('bareflank.VcpuContribution', 'vcpu', {
  someOf: ['onInit', 'onRun', 'onHlt', 'onFini'],
});
