// SPDX-License-Identifier: LGPL-2.1-only

/** A moment of a run at which something may come in from outside. Turn and exit name it; equal runs have equal counts there. */
export interface Moment {
  /** How many turns of processors, idle times and jumps over idle time had begun. */
  readonly turn: number;
  /** Within a turn: how many VM exits its processor's VMM had handled. Without it, the turn had ended. */
  readonly exit?: number;
  /** The owner has cut the turn behind an instruction, to choose who executes next. Then turn and instructions name the moment. */
  readonly isWithin?: true;
  /** Instructions of all processors together. */
  readonly instructions: number;
  /** Nanoseconds since power-on. */
  readonly virtualTime: number;
}
