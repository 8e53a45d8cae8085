// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { VmcsSetUp } from '../vmcs/vmcs.js';

/**
 * The base's own part in the set-up of a VMCS. It runs before the contributions of extensions, and its end runs after theirs, regardless
 * of their names: it is a component of the vCPU, not a contribution.
 */
export interface ContributedTraps extends VmcsSetUp {
  /** All contributions have set up the VMCS: the launch comes next. */
  finish(): void;
  /** After a reload, in VMX root operation: traps what contributions emulate now. @param removed names of contributions whose requests end */
  finishReload(removed: readonly string[]): void;
  /** VMX operation is about to end. */
  stop(): void;
}
export const ContributedTraps = component<ContributedTraps>('bareflank.ContributedTraps', 'vcpu');
