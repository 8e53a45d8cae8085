// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { WriteLocations } from '../../intrinsics/rules/explain_entry.js';

/** Explains a failed VM entry, and dumps a VMCS. */
export interface VmEntryExplainer {
  /** Every rule of SDM 3C "VM Entries" that the current VMCS breaks: as text with values, and by name. */
  explain(isLaunch: boolean, writtenAt: WriteLocations): { readonly text: string; readonly names: readonly string[] };
  /** All fields of the current VMCS and its control words, bit by bit. */
  dump(): string;
}
export const VmEntryExplainer = component<VmEntryExplainer>('bareflank.VmEntryExplainer', 'vcpu');
