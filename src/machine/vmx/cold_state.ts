// SPDX-License-Identifier: LGPL-2.1-only
import { coldRuns } from './guest_state.js';

const length = coldRuns.reduce((sum, { from, to }) => sum + to - from, 0);

/**
 * A copy of the processor words that guests seldom change (segments, tables, MSRs), to find by one pass of exclusive-ors whether an exit has
 * to look at them field by field.
 */
export class ColdState {
  private readonly copy = new Int32Array(length);
  private isKnown = false;

  /** The copy says nothing: another VMCS, other words in the VMCS than in the processor. */
  forget(): void {
    this.isKnown = false;
  }

  /** Whether any of the words differs from the copy; the copy is then renewed. @param words the machine's memory as signed words. */
  hasChanged(words: Int32Array): boolean {
    if (this.isKnown && this.isEqual(words)) return false;
    let at = 0;
    for (const { from, to } of coldRuns) {
      for (let word = from; word < to; word++) this.copy[at++] = words[word]!;
    }
    this.isKnown = true;
    return true;
  }

  private isEqual(words: Int32Array): boolean {
    const { copy } = this;
    let difference = 0;
    let at = 0;
    for (let run = 0; run < coldRuns.length; run++) {
      const { from, to } = coldRuns[run]!;
      for (let word = from; word < to; word++) difference |= words[word]! ^ copy[at++]!;
    }
    return difference === 0;
  }
}
