// SPDX-License-Identifier: LGPL-2.1-only
import { ExitOutcome } from '../../vmm/exit/handler_trace.js';
import type { RecordedItem } from '../recorded_item.js';
import {
  ComparedSide,
  END_OF_RECORDING,
  type ComparedExit,
  type ComparedRun,
  type ExitOfRun,
} from './compared_side.js';

/** How two runs compare. */
export interface Comparison {
  /** VM exits that were alike. */
  readonly exits: number;
  /** Instructions of all processors at the last look. */
  readonly instructions: number;
  /** How the two differ first; undefined: not at all. */
  readonly difference: string | undefined;
  /** The last exits before the difference and those from it on, side by side. Empty without a difference. */
  readonly rows: readonly (readonly [recorded: ExitOfRun, changed: ExitOfRun])[];
}

/** Exits that are shown before the difference, and from it on. */
const shownBefore = 3;
const shownAfter = 12;

/**
 * The recorded items of which a run under other modules takes the inputs. The states of such a run are others: its VMM has other memory.
 */
export function inputsOnly(items: readonly RecordedItem[]): RecordedItem[] {
  return items.flatMap((item): RecordedItem[] => {
    if (item.kind === 'state') return [];
    // The recorded run says when the end has come.
    return item.kind === 'end' ? [{ ...item, at: undefined }] : [item];
  });
}

/** Runs a recording twice, from VM exit to VM exit, and compares the two after each. */
export class ComparedRuns {
  private readonly recorded: ComparedSide;
  private readonly changed: ComparedSide;
  private readonly rows: [ExitOfRun, ExitOfRun][] = [];
  private exits = 0;
  private difference: string | undefined;

  /** @param changed the run with other modules; its inputs are those of `inputsOnly` */
  constructor(recorded: ComparedRun, changed: ComparedRun) {
    this.recorded = new ComparedSide(recorded);
    this.changed = new ComparedSide(changed);
  }

  /** Runs to the end of the recording, or a few exits beyond the first difference. @returns undefined if the owner wanted attention */
  async compare(): Promise<Comparison | undefined> {
    for (let left = shownAfter; left > 0; left -= this.difference === undefined ? 0 : 1) {
      const isOver = await this.step();
      if (isOver === undefined) return undefined;
      if (isOver) break;
    }
    const { exits, difference, rows, recorded } = this;
    return { exits, instructions: recorded.instructions, difference, rows: difference === undefined ? [] : rows };
  }

  /** The next exit of both. @returns whether one of them has ended; undefined if the owner wanted attention */
  private async step(): Promise<boolean | undefined> {
    const { recorded, changed } = this;
    const one = await recorded.next();
    if (one === undefined) return undefined;
    const other = await changed.next({ time: recorded.time, isEnd: one === END_OF_RECORDING });
    if (other === undefined) return undefined;
    const isOver = typeof one === 'string' || typeof other === 'string';
    // The driver's calls have exits between which nobody can look. At the end, the two are not at the same moment.
    const canLook = !isOver && recorded.isAtLastExit && changed.isAtLastExit;
    this.difference ??= differenceOf(one, other) ?? (canLook ? registersOther(recorded, changed) : undefined);
    if (this.difference !== undefined)
      this.rows.push([withRegisters(one, recorded, changed), withRegisters(other, changed, recorded)]);
    else if (!isOver) this.alike(one, other);
    return isOver;
  }

  private alike(one: ExitOfRun, other: ExitOfRun): void {
    this.exits++;
    this.rows.push([one, other]);
    if (this.rows.length > shownBefore) this.rows.shift();
  }
}

/** What is compared of an exit, by its name. The handler that acted is not: another one may do the same. */
const facts = ({ processor, reason, rip, qualification, instructions, outcome }: ComparedExit) => ({
  processor,
  reason,
  RIP: rip,
  qualification,
  'instructions of the processor': instructions,
  'what the handlers did': outcome & ~ExitOutcome.Handler,
});

function differenceOf(one: ExitOfRun, other: ExitOfRun): string | undefined {
  if (typeof one === 'string' || typeof other === 'string')
    return one === other ? undefined : 'only one of them has another VM exit, or they ended differently';
  const [its, others] = [facts(one), facts(other)];
  const names = (Object.keys(its) as (keyof typeof its)[]).filter((name) => its[name] !== others[name]);
  return names.length === 0 ? undefined : `the VM exits differ in: ${names.join(', ')}`;
}

/** The lines of registers that another run does not have. */
const otherLines = (own: ComparedSide, other: ComparedSide, processor: number): string[] => {
  const others = other.registers(processor);
  return own.registers(processor).filter((line, i) => line !== others[i]);
};

function registersOther(one: ComparedSide, other: ComparedSide): string | undefined {
  for (let processor = 0; processor < one.processors; processor++) {
    const names = otherLines(one, other, processor).map((line) => line.slice(0, line.indexOf('=')));
    if (names.length > 0) return `after the VM exit, processor ${processor} has other values in: ${names.join(', ')}`;
  }
  return undefined;
}

function withRegisters(exit: ExitOfRun, own: ComparedSide, other: ComparedSide): ExitOfRun {
  return typeof exit === 'string' ? exit : { ...exit, registers: otherLines(own, other, exit.processor) };
}
