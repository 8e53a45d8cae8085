// SPDX-License-Identifier: LGPL-2.1-only
import { ruleCases } from './rule_cases.mjs';
import { instructionCases } from './instruction_cases.mjs';
import { exitCases } from './exit_cases.mjs';

/** All cases in the order in which the probe runs them. */
export function caseList() {
  return [...ruleCases, ...instructionCases, ...exitCases];
}
