// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../../layout/layout.js';
import { Sizes } from '../../layout/regions.js';
import { slotCount } from './field_slots.js';

/** The most VM-entry rules that have a mark. */
export const maximumRules = 256;
/** 32-bit words of a set of rules. */
export const ruleWords = maximumRules / 32;

/** What of an area a snapshot holds: the current VMCS, and which of its fields the processor does not hold. The marks of the rules are rebuilt. */
export interface VmxAreaState {
  readonly halves: Uint32Array;
  readonly instruction: Int32Array;
  readonly changes: Uint8Array;
}

/**
 * The memory in which the engine keeps the current VMCS of one processor and the clean marks of the VM-entry rules. It lies in the machine's
 * memory, outside guest RAM and carve-out: no guest address leads there. The engine keeps lists and flags that follow from it, and
 * `memoryRestored` rebuilds them.
 */
export class VmxArea {
  /** The current VMCS: two halves a slot, `2 * slot` bits 31:0, `2 * slot + 1` bits 63:32. */
  readonly halves: Uint32Array;
  /** The same halves as signed numbers: they are small integers to the JavaScript engine, which allocates nothing for them. */
  readonly signed: Int32Array;
  /** `Vmcs.instruction`. */
  readonly instruction: Int32Array;
  /** `Change` bits a slot. */
  readonly changes: Uint8Array;
  /** 1: the rule must run; rules with a clean mark have 0. */
  readonly pending: Uint8Array;
  /** For each half a set of the rules that have read it: `ruleWords` words, a bit a rule. */
  readonly readers: Uint32Array;
  /** For each half a bit for each of those words that is not 0. */
  readonly readerWords: Uint8Array;
  /** One number; 1: another VMCS became current, and no VM-entry rule has been checked yet. */
  readonly unchecked: Uint8Array;

  /** How many bytes of its region an area uses. */
  readonly bytes: number;

  /** @param memory the machine's memory. @param id number of the processor. */
  constructor(memory: ArrayBufferLike, id: number) {
    const start = Layout.VMX_AREAS + id * Sizes.VMX_AREA;
    let at = start;
    const take = (bytes: number): number => {
      const from = at;
      at += bytes;
      return from;
    };
    const halves = take(slotCount * 8);
    this.halves = new Uint32Array(memory, halves, slotCount * 2);
    this.signed = new Int32Array(memory, halves, slotCount * 2);
    this.readers = new Uint32Array(memory, take(slotCount * 2 * ruleWords * 4), slotCount * 2 * ruleWords);
    this.instruction = new Int32Array(memory, take(16), 4);
    this.readerWords = new Uint8Array(memory, take(slotCount * 2), slotCount * 2);
    this.changes = new Uint8Array(memory, take(slotCount), slotCount);
    this.pending = new Uint8Array(memory, take(maximumRules), maximumRules);
    this.unchecked = new Uint8Array(memory, take(1), 1);
    this.bytes = at - start;
    if (this.bytes > Sizes.VMX_AREA) throw new RangeError(`the VMX area of a processor takes ${this.bytes} bytes`);
  }

  save(): VmxAreaState {
    return { halves: this.halves.slice(), instruction: this.instruction.slice(), changes: this.changes.slice() };
  }

  /** No rule has been checked afterwards. */
  restore({ halves, instruction, changes }: VmxAreaState): void {
    this.halves.set(halves);
    this.instruction.set(instruction);
    this.changes.set(changes);
    this.unchecked[0] = 1;
  }
}
