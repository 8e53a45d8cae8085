// SPDX-License-Identifier: LGPL-2.1-only
import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode that V8 may inline into one function; its default is 920. */
const INLINED_BYTES = 5000;

/** A guest exits all the time if it has had so many exits more than one for so many instructions. V8 has not optimized the path of an exit by then. */
const MANY_EXITS = 1000;
const INSTRUCTIONS_OF_AN_EXIT = 500;

let isSet = false;

/**
 * Lets V8 inline the path of a VM exit, from the exit entry to VMRESUME. It has some sixty small functions of several layers, and V8's default
 * limit stops half way down (docs/decisions, "the cost of an exit"). The setting holds for this process, from now on, and affects only speed: V8 spends
 * more time on all functions that it optimizes.
 */
export function inlineExitPath(): void {
  if (isSet) return;
  isSet = true;
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_BYTES}`);
}

/** What is known of a machine at the end of a quantum. */
interface CountingMachine {
  /** Of all processors. */
  readonly instructions: number;
  readonly processors: readonly { readonly exitsHandled: number }[];
}

/**
 * Sees whether a machine's guest exits all the time: only then `inlineExitPath` is worth what V8 spends on it, which is as much as the whole path costs
 * in several million exits.
 */
export class ExitPathInlining {
  private exits = 0;
  private instructions = 0;
  /** Exits so far, less those that a guest may have. */
  private excess = 0;
  private isDone = false;

  constructor(private readonly inline: () => void = inlineExitPath) {}

  /** A quantum of the machine has ended. */
  quantumEnded({ instructions, processors }: CountingMachine): void {
    if (this.isDone) return;
    let exits = 0;
    for (const { exitsHandled } of processors) exits = (exits + exitsHandled) | 0;
    // A machine that went back has less than before.
    const more = Math.max((exits - this.exits) | 0, 0);
    const allowed = Math.max(instructions - this.instructions, 0) / INSTRUCTIONS_OF_AN_EXIT;
    this.exits = exits;
    this.instructions = instructions;
    this.excess = Math.max(this.excess + more - allowed, 0);
    if (this.excess < MANY_EXITS) return;
    this.isDone = true;
    this.inline();
  }
}
