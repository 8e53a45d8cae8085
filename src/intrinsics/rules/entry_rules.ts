// SPDX-License-Identifier: LGPL-2.1-only
import { basicRules } from './basic_rules.js';
import { entryControlRules } from './entry_control_rules.js';
import type { EntryRule } from './entry_rule.js';
import { executionControlRules } from './execution_control_rules.js';
import { exitControlRules } from './exit_control_rules.js';
import { guestNonRegisterRules } from './guest_non_register_rules.js';
import { guestPdpteRules } from './guest_pdpte_rules.js';
import { guestRegisterRules } from './guest_register_rules.js';
import { guestSegmentRules } from './guest_segment_rules.js';
import { guestRipRules, guestTableRules } from './guest_table_rules.js';
import { hostRules } from './host_rules.js';

/**
 * Every rule of SDM 3C "VM Entries", in the order in which a processor that follows the SDM's text reports them: basic checks, controls, host
 * state, guest state. The MSR-load area has rules per entry: msr_load_rules.ts.
 */
export const entryRules: readonly EntryRule[] = [
  ...basicRules,
  ...executionControlRules,
  ...exitControlRules,
  ...entryControlRules,
  ...hostRules,
  ...guestRegisterRules,
  ...guestSegmentRules,
  ...guestTableRules,
  ...guestRipRules,
  ...guestNonRegisterRules,
  ...guestPdpteRules,
];

/** A rule by its name, undefined if there is none. */
export function entryRule(name: string): EntryRule | undefined {
  return entryRules.find((rule) => rule.name === name);
}

/** The indexes into `entryRules` of the rules that read a field. A VMWRITE to the field removes their clean marks. */
export function rulesReading(field: number): number[] {
  return entryRules.flatMap((rule, index) => (rule.fields.includes(field) ? [index] : []));
}
