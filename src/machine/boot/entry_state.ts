// SPDX-License-Identifier: LGPL-2.1-only
import type { GeneralRegister } from '../processor/register_names.js';

/** The processor mode in which an image is entered. */
export type EntryMode = 'long' | 'protected';

/** What the bootstrap processor holds when the first instruction of an image executes. Interrupts are off, DF is clear. */
export interface EntryState {
  /** `long`: 64-bit mode with identity paging. `protected`: flat 32-bit segments, paging off. */
  readonly mode: EntryMode;
  /** Physical = linear address of the first instruction. */
  readonly entry: number;
  /** General registers; those not named are 0. */
  readonly registers: Readonly<Partial<Record<GeneralRegister, number>>>;
}

/** A file's contents. The caller that starts the machine has read it. */
export interface BootFile {
  /** For messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** All that a loader is given. */
export interface BootRequest {
  readonly kernel: BootFile;
  /** Initial RAM disk of Linux, modules of a multiboot kernel. */
  readonly modules: readonly BootFile[];
  /** Command line. */
  readonly append: string;
  /** Physical address of the ACPI root pointer, if the machine has the tables. */
  readonly acpiRootPointer?: number;
}
