// SPDX-License-Identifier: LGPL-2.1-only
import { maximumRules, ruleWords, type VmxArea } from '../vmcs/vmx_area.js';

/** No rule is running: reads are not noted. */
const nobody = -1;

/**
 * Which VM-entry rules have read which halves of the VMCS. A rule is a function of what it reads. While no half that it has read changes, it
 * gives the same verdict.
 */
export class RuleInputs {
  private running = nobody;
  private readonly readers: Uint32Array;
  private readonly readerWords: Uint8Array;

  constructor(area: VmxArea) {
    this.readers = area.readers;
    this.readerWords = area.readerWords;
  }

  /** Reads belong to this rule from now on. */
  begin(rule: number): void {
    if (rule >= maximumRules) throw new RangeError(`VM-entry rule ${rule}: there is room for ${maximumRules} rules`);
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
    const word = running >>> 5;
    const at = half * ruleWords + word;
    this.readers[at] = this.readers[at]! | (1 << (running & 31));
    this.readerWords[half] = this.readerWords[half]! | (1 << word);
  }

  /** Calls `use` for each rule that has read a half. */
  eachReaderOf(half: number, use: (rule: number) => void): void {
    for (let words = this.readerWords[half]!; words !== 0; words &= words - 1) {
      const word = 31 - Math.clz32(words & -words);
      for (let rules = this.readers[half * ruleWords + word]!; rules !== 0; rules &= rules - 1) {
        use(32 * word + 31 - Math.clz32(rules & -rules));
      }
    }
  }
}
