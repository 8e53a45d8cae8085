// SPDX-License-Identifier: LGPL-2.1-only
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import { exitReasons } from '../../machine/processor/processor_counters.js';

const TIME_BYTES = 8;
const INSTRUCTION_BYTES = 8;
const TWO_TO_32 = 2 ** 32;

/** The counters at one moment. */
export interface CounterValues {
  /** VM exits by the reason's name in snake case; those that never happened are left out. */
  readonly exits: Readonly<Record<string, number>>;
  readonly instructions: number;
  /** Nanoseconds of virtual time. */
  readonly virtualTime: number;
}

/**
 * The counters of a run in memory that two threads share, so that the main thread can report a machine's progress after it killed the
 * worker. Exits count here at once; instructions are those retired up to the last VM exit or the end of the last quantum.
 */
export class RunCounters {
  /** Bytes of shared memory. */
  static readonly bytes = TIME_BYTES + INSTRUCTION_BYTES + exitReasons * 4;

  /** Nanoseconds of virtual time in which nothing was executed. */
  private readonly slept: Float64Array;
  /** For the machine: low and high half of the retired instructions. */
  readonly instructions: Uint32Array;
  /** For the machine: VM exits by basic reason. */
  readonly exits: Uint32Array;

  /** @param offset of `bytes` bytes in the memory, a multiple of 8. */
  constructor(memory: SharedArrayBuffer, offset: number) {
    this.slept = new Float64Array(memory, offset, 1);
    this.instructions = new Uint32Array(memory, offset + TIME_BYTES, 2);
    this.exits = new Uint32Array(memory, offset + TIME_BYTES + INSTRUCTION_BYTES, exitReasons);
  }

  /** Worker: a quantum has ended. */
  publish({ instructions, virtualTime }: { instructions: number; virtualTime: number }): void {
    this.instructions[0] = instructions % TWO_TO_32;
    this.instructions[1] = Math.floor(instructions / TWO_TO_32);
    this.slept[0] = virtualTime - instructions;
  }

  /** VM exits of all reasons: grows with each exit. */
  get totalExits(): number {
    return this.exits.reduce((sum, count) => sum + count, 0);
  }

  /** The present counts. */
  read(): CounterValues {
    const instructions = this.instructions[0]! + this.instructions[1]! * TWO_TO_32;
    return { exits: namedExits(this.exits), instructions, virtualTime: instructions + this.slept[0]! };
  }
}

/** Counts by the names of their reasons. @param counts by basic exit reason. */
export function namedExits(counts: ArrayLike<number>): Record<string, number> {
  const named: Record<string, number> = {};
  for (let reason = 0; reason < counts.length; reason++) {
    const count = counts[reason] ?? 0;
    if (count > 0) named[exitReasonName(reason)] = count;
  }
  return named;
}
