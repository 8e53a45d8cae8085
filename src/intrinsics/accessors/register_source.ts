// SPDX-License-Identifier: LGPL-2.1-only
import { answers } from './answers.js';
import type { Warn, WordSource } from './word_source.js';

/** A control, debug, flags or segment register, by the instructions that move it. */
export class RegisterSource implements WordSource {
  readonly label: string;

  constructor(
    name: string,
    readonly read: () => bigint,
    readonly write: (value: bigint) => void,
    readonly warn: Warn,
  ) {
    this.label = `${name.toUpperCase()} register`;
  }

  /** Whether reading it does not fault: XCR0 is there only while CR4.OSXSAVE is 1. */
  exists(): boolean {
    return answers(() => this.read());
  }

  change(mask: bigint, value: bigint): void {
    this.write((this.read() & ~mask) | (value & mask));
  }
}
