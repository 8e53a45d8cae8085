// SPDX-License-Identifier: LGPL-2.1-only
import type { ValueNames } from '../bit_fields.js';
import type { DumpedWord } from '../texts/dump_word.js';

/** How accessors reach a word: a register, an MSR, a register that CPUID fills, a VMCS field. */
export interface WordSource {
  /** For messages: `GUEST_RIP (0x681e) field`. */
  readonly label: string;
  exists(): boolean;
  read(): bigint;
  /** @throws ReadOnlyError if software cannot write it. */
  write(value: bigint): void;
  /** Gives the bits of `mask` their values in `value`. @throws ReadOnlyError likewise. */
  change(mask: bigint, value: bigint): void;
  warn(text: string): void;
}

/** A word of VMX controls. Masks are of one control. */
export interface ControlSource extends WordSource {
  isAllowed0(mask: number): boolean;
  isAllowed1(mask: number): boolean;
  enable(mask: number): void;
  disable(mask: number): void;
  enableIfAllowed(mask: number, verbose: boolean): boolean;
  disableIfAllowed(mask: number, verbose: boolean): boolean;
}

/** What accessors need to know of a word. */
export interface WordDefinition extends DumpedWord {
  /** The default is 8. */
  readonly bytes?: 2 | 4 | 8;
  readonly values?: ValueNames | undefined;
  readonly meaning?: ((value: number) => string) | undefined;
}

/** Takes the warnings of `…IfExists(true)`. */
export type Warn = (text: string) => void;
