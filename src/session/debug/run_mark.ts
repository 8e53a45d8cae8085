// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../../machine/pc.js';

/** A point of a run, and what can be seen of it at little cost. */
export interface RunMark {
  /** Of all processors. */
  readonly instructions: number;
  /** VM exits that the VMM has handled, or handles. */
  readonly exits: number;
  /** Instructions of each processor. */
  readonly counts: readonly number[];
  /** General registers of all processors, except those that the delivery of an event changes: it takes no instruction. */
  readonly registers: readonly bigint[];
}

const names = [
  ...(['RAX', 'RBX', 'RCX', 'RDX', 'RSI', 'RDI', 'RBP'] as const),
  ...(['R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15'] as const),
];

/** The present point of a run. */
export function markOf(pc: Pc): RunMark {
  const { instructions, exitCount: exits, processors } = pc;
  const counts = processors.map(({ instructionCount }) => instructionCount);
  const registers = processors.flatMap(({ core: { block } }) => names.map((name) => block.get(name)));
  return { instructions, exits, counts, registers };
}

const isEqual = <T>(one: readonly T[], other: readonly T[]): boolean => one.every((each, i) => each === other[i]);

/**
 * Whether a run that is executed again is the run that has been at a point, whose count of instructions it has too. VM exits and events may come without an
 * instruction: so one of the two may be before them, and the other behind them.
 *
 * @param hasArrived its last instruction has just retired: it has had no more VM exits than at the point
 */
export function isSameRun(here: RunMark, point: RunMark, hasArrived: boolean): boolean {
  if (!isEqual(here.counts, point.counts)) return false;
  if (here.exits === point.exits) return isEqual(here.registers, point.registers);
  return !hasArrived || here.exits < point.exits;
}

/** The last points at which a run has been. */
export class KnownPoints {
  private readonly marks = new Map<string, RunMark>();

  add(mark: RunMark): void {
    const key = `${mark.instructions}, ${mark.exits}`;
    if (this.marks.has(key)) return;
    this.marks.set(key, mark);
    const [oldest] = this.marks.keys();
    if (this.marks.size > MOST) this.marks.delete(oldest!);
  }

  /** Those with so many instructions. */
  at(instructions: number): readonly RunMark[] {
    return [...this.marks.values()].filter((mark) => mark.instructions === instructions);
  }

  /** The first one behind an instruction. */
  after(instructions: number): RunMark | undefined {
    let first: RunMark | undefined;
    for (const mark of this.marks.values())
      if (mark.instructions > instructions && mark.instructions < (first?.instructions ?? Infinity)) first = mark;
    return first;
  }
}

const MOST = 64;
