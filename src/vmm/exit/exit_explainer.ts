// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { Exit } from './exit.js';

/** Explains a VM exit that nobody handled: for reports, never on the exit path. */
export interface ExitExplainer {
  /** Lines that decode the exit's information, and the entries to which it refers: EPT entries, an entry of an MSR area. Empty if there is nothing to add. */
  explain(exit: Exit): string[];
}
export const ExitExplainer = component<ExitExplainer>('bareflank.ExitExplainer', 'vcpu');
