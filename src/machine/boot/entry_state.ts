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
  /** The limit of TR; without it, TR has its limit after a reset. */
  readonly taskLimit?: number;
}

/** A file's contents. The caller that starts the machine has read it. */
export interface BootFile {
  /** For messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A file that a kernel is given: the initial RAM disk of Linux, or a module of a multiboot or PVH kernel. */
export interface BootModule extends BootFile {
  /** What is typed behind the file's name; empty for most. */
  readonly arguments: string;
}

/** The string that a kernel is given with a module: the file's name, then its arguments. */
export function moduleString(module: BootModule): string {
  return module.arguments === '' ? module.name : `${module.name} ${module.arguments}`;
}

/** All that a loader is given. */
export interface BootRequest {
  readonly kernel: BootFile;
  readonly modules: readonly BootModule[];
  /** Command line. */
  readonly append: string;
  /** Physical address of the ACPI root pointer, if the machine has the tables. */
  readonly acpiRootPointer?: number;
}
