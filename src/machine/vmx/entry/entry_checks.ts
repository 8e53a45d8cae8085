// SPDX-License-Identifier: LGPL-2.1-only
import type { EntryReader, EntryRule } from '../../../intrinsics/rules/entry_rule.js';
import type { RuleInputs } from './rule_inputs.js';
import { Change, type Vmcs } from '../vmcs/vmcs.js';
import { maximumRules, type VmxArea } from '../vmcs/vmx_area.js';

const none = 0xffff;

/** A reader that notes what a rule reads. */
export interface NotingReader extends EntryReader {
  /** Set by every read of an input that is neither a field nor a constant of the processor. */
  volatileRead: boolean;
  /** Called for each half of a field that is read. */
  readonly inputs: RuleInputs;
}

/**
 * Runs the VM-entry rules. A rule that held, and read only fields of the current VMCS and constants of the processor, keeps a clean mark until a
 * half that it read changes. With the same halves it would give the same verdict. A rule that read something else (memory, the processor's mode,
 * the launch state) runs at each entry. An exit that advances RIP re-checks no rule, because the rules read bits 63:32.
 */
export class EntryChecks {
  private readonly rules: readonly EntryRule[];
  private readonly pending: Uint8Array;
  private readonly pendingRules = new Uint16Array(maximumRules);
  private pendingCount = 0;
  private readonly markRule = (rule: number): void => this.mark(rule);

  /** @param rules in the order in which a breach is reported: control, host, guest; basic ones are left out. */
  constructor(
    private readonly vmcs: Vmcs,
    private readonly reader: NotingReader,
    rules: readonly EntryRule[],
    area: VmxArea,
  ) {
    this.rules = rules.filter((rule) => rule.area !== 'basic');
    this.pending = area.pending;
    this.pending.fill(1, 0, this.rules.length);
    this.memoryRestored();
  }

  /** How many rules have no clean mark: for tests and for measurements. */
  get unchecked(): number {
    return this.pendingCount;
  }

  /** Rebuilds the list of rules without a mark from the memory. */
  memoryRestored(): void {
    this.pendingCount = 0;
    for (let i = 0; i < this.rules.length; i++) if (this.pending[i] !== 0) this.pendingRules[this.pendingCount++] = i;
  }

  /** Takes away all clean marks. */
  markAll(): void {
    for (let i = 0; i < this.rules.length; i++) this.mark(i);
  }

  /** Takes away the marks of the rules that read a changed half. */
  markChanged(): void {
    const { vmcs } = this;
    if (vmcs.isUnchecked) {
      this.markAll();
      vmcs.isUnchecked = false;
    }
    for (let i = 0; i < vmcs.changedCount; i++) {
      const slot = vmcs.changedSlots[i]!;
      const changes = vmcs.changes[slot]!;
      vmcs.changes[slot] = changes & Change.Load;
      if ((changes & Change.Low) !== 0) this.markReaders(slot << 1);
      if ((changes & Change.High) !== 0) this.markReaders((slot << 1) | 1);
    }
  }

  /** Runs the rules without a mark. @returns the first rule, in order, that does not hold; undefined if all do. */
  run(): EntryRule | undefined {
    const { reader } = this;
    let first = none;
    let left = 0;
    for (let k = 0; k < this.pendingCount; k++) {
      const i = this.pendingRules[k]!;
      reader.volatileRead = false;
      reader.inputs.begin(i);
      const holds = this.rules[i]!.holds(reader);
      if (!holds && i < first) first = i;
      if (holds && !reader.volatileRead) this.pending[i] = 0;
      else this.pendingRules[left++] = i;
    }
    reader.inputs.end();
    this.pendingCount = left;
    return first === none ? undefined : this.rules[first];
  }

  /** The same verdict without any mark: the reference for tests. */
  runFull(): EntryRule | undefined {
    return this.rules.find((rule) => !rule.holds(this.reader));
  }

  private markReaders(half: number): void {
    this.reader.inputs.eachReaderOf(half, this.markRule);
  }

  private mark(rule: number): void {
    if (this.pending[rule] === 1) return;
    this.pending[rule] = 1;
    this.pendingRules[this.pendingCount++] = rule;
  }
}
