// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';

/** What a reload has left to do in VMX root operation. The driver leaves it here, and makes VMCALL reload at once. */
export interface ReloadWork {
  leave(work: () => void): void;
  /** For the exit handler. Does what was left, once. */
  run(): void;
}
export const ReloadWork = component<ReloadWork>('bareflank.ReloadWork', 'vcpu');
