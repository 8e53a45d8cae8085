// SPDX-License-Identifier: LGPL-2.1-only
import type { EntryReader, EntryRule } from '../../intrinsics/rules/entry_rule.js';
import { slotCount, slotOf } from './field_slots.js';
import { Change, type Vmcs } from './vmcs.js';

const none = 0xffff;

/** A reader that notes whether a rule read anything but fields of the current VMCS and constants of the processor. */
export interface NotingReader extends EntryReader {
  volatileRead: boolean;
}

/**
 * Runs the VM-entry rules. A rule that held and read nothing but fields of the current VMCS and constants of the processor keeps a clean
 * mark until one of its fields changes: with the same fields it would take the same path to the same verdict. A rule that read something
 * else (memory, the processor's mode, the launch state) runs at each entry. So an exit that touches RIP costs the few rules that read RIP.
 */
export class EntryChecks {
  private readonly rules: readonly EntryRule[];
  /** 1: the rule must run; rules with a clean mark have 0. */
  private readonly pending: Uint8Array;
  private readonly pendingRules: Uint16Array;
  private pendingCount = 0;
  /** Rules of each slot: `ruleLists[listStart[slot] … listStart[slot + 1] − 1]`. */
  private readonly listStart = new Uint16Array(slotCount + 1);
  private readonly ruleLists: Uint16Array;

  /** @param rules in the order in which a breach is reported: control, host, guest; basic ones are left out. */
  constructor(
    private readonly vmcs: Vmcs,
    private readonly reader: NotingReader,
    rules: readonly EntryRule[],
  ) {
    this.rules = rules.filter((rule) => rule.area !== 'basic');
    this.pending = new Uint8Array(this.rules.length);
    this.pendingRules = new Uint16Array(this.rules.length);
    this.ruleLists = this.makeLists();
    this.markAll();
  }

  /** How many rules have no clean mark: for tests and for measurements. */
  get unchecked(): number {
    return this.pendingCount;
  }

  /** Takes away all clean marks. */
  markAll(): void {
    for (let i = 0; i < this.rules.length; i++) this.mark(i);
  }

  /** Takes away the marks of the rules that read a changed field. */
  markChanged(): void {
    const { vmcs } = this;
    for (let i = 0; i < vmcs.changedCount; i++) {
      const slot = vmcs.changedSlots[i]!;
      if ((vmcs.changes[slot]! & Change.Rules) === 0) continue;
      vmcs.changes[slot] = vmcs.changes[slot]! & ~Change.Rules;
      for (let at = this.listStart[slot]!; at < this.listStart[slot + 1]!; at++) this.mark(this.ruleLists[at]!);
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
      const holds = this.rules[i]!.holds(reader);
      if (!holds && i < first) first = i;
      if (holds && !reader.volatileRead) this.pending[i] = 0;
      else this.pendingRules[left++] = i;
    }
    this.pendingCount = left;
    return first === none ? undefined : this.rules[first];
  }

  /** The same verdict without any mark: the reference for tests. */
  runFull(): EntryRule | undefined {
    return this.rules.find((rule) => !rule.holds(this.reader));
  }

  private mark(rule: number): void {
    if (this.pending[rule] === 1) return;
    this.pending[rule] = 1;
    this.pendingRules[this.pendingCount++] = rule;
  }

  private makeLists(): Uint16Array {
    const lists: number[][] = Array.from({ length: slotCount }, () => []);
    this.rules.forEach((rule, i) => {
      for (const slot of new Set(rule.fields.map(slotOf))) lists[slot]!.push(i);
    });
    let at = 0;
    lists.forEach((list, slot) => {
      this.listStart[slot] = at;
      at += list.length;
    });
    this.listStart[slotCount] = at;
    return Uint16Array.from(lists.flat());
  }
}
