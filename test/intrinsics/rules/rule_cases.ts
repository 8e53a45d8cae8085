// SPDX-License-Identifier: LGPL-2.1-only
// For each VM-entry rule: single mutations of a valid VMCS that it alone refuses, and neighbours of them that it accepts.
import type { FakeVmcs } from '../../support/valid_vmcs.js';

/** A mutation of a valid VMCS. */
export interface RuleCase {
  readonly rule: string;
  /** What is changed, for the test's title. */
  readonly change: string;
  /** A VMCS that breaks no rule. */
  readonly from: () => FakeVmcs;
  readonly mutate: (vmcs: FakeVmcs) => unknown;
  /** After the mutation this rule is the only broken one, or it still holds. */
  readonly breaks: boolean;
}

/** Collects the cases of one file. */
export class RuleCases {
  readonly list: RuleCase[] = [];

  /** The mutation breaks exactly this rule. */
  breaks(rule: string, change: string, from: () => FakeVmcs, mutate: (vmcs: FakeVmcs) => unknown): void {
    this.list.push({ rule, change, from, mutate, breaks: true });
  }

  /** The mutation leaves this rule alone. */
  keeps(rule: string, change: string, from: () => FakeVmcs, mutate: (vmcs: FakeVmcs) => unknown): void {
    this.list.push({ rule, change, from, mutate, breaks: false });
  }
}
