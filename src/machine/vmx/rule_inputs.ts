// SPDX-License-Identifier: LGPL-2.1-only
import { slotCount } from './field_slots.js';

/** No rule is running: reads are not noted. */
const nobody = -1;

/**
 * Which VM-entry rules have read which halves of the VMCS. A rule is a function of what it reads: as long as no half that it ever read has
 * another value, it takes the same path to the same verdict.
 */
export class RuleInputs {
  /** The rules that have read a half, in the order in which they first did. */
  private readonly rules: readonly number[][] = Array.from({ length: 2 * slotCount }, () => []);
  private running = nobody;

  /** Reads belong to this rule from now on. */
  begin(rule: number): void {
    this.running = rule;
  }

  /** Reads belong to no rule any more. */
  end(): void {
    this.running = nobody;
  }

  /** A half was read. */
  note(half: number): void {
    const { running } = this;
    if (running === nobody) return;
    const rules = this.rules[half]!;
    if (!rules.includes(running)) rules.push(running);
  }

  /** The rules that have read a half. */
  readersOf(half: number): readonly number[] {
    return this.rules[half]!;
  }
}
