// SPDX-License-Identifier: LGPL-2.1-only
import type { Comparison } from '../../session/replay/compared_runs.js';
import type { ExitOfRun } from '../../session/replay/compared_side.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { reportedExit } from '../../session/reported_exit.js';
import type { ComparedCell, ComparisonReport } from '../worker/run_request.js';

const cellOf = (exit: ExitOfRun, handlers: readonly string[]): ComparedCell =>
  typeof exit === 'string'
    ? exit
    : { ...reportedExit(exit, handlers), processor: exit.processor, registers: exit.registers };

/** A comparison as plain JSON values. @param recorded names of the handlers of the one run. @param changed of the other */
export function comparisonReport(
  { exits, difference, rows }: Comparison,
  recorded: readonly string[],
  changed: readonly string[],
): ComparisonReport {
  return {
    exits,
    difference: difference ?? null,
    rows: rows.map(([one, other]) => [cellOf(one, recorded), cellOf(other, changed)]),
  };
}

/** What an exit was, and what was done with it; registers that differ have a line each. */
function linesOf(cell: ComparedCell): string[] {
  if (typeof cell === 'string') return [cell];
  const { processor, reason, rip, qualification, instructions, handler, action, registers } = cell;
  return [
    `${reason} at ${rip}, qualification ${qualification}`,
    `  processor ${processor}, instruction ${groupedDigits(instructions)}`,
    `  ${handler === null ? action : `${handler}: ${action}`}`,
    ...registers.map((line) => `  ${line}`),
  ];
}

/** The two runs side by side, for people. */
export function comparisonLines({ exits, difference, rows }: ComparisonReport): string[] {
  const counted = `${groupedDigits(exits)} VM exit${exits === 1 ? '' : 's'}`;
  if (difference === null) return [`${counted} compared, no difference`];
  const cells = rows.map(([one, other]) => [linesOf(one), linesOf(other)] as const);
  const heads = ['recorded modules', 'other modules'] as const;
  const width = Math.max(heads[0].length, ...cells.flatMap(([one]) => one.map(({ length }) => length)));
  const side = (one = '', other = ''): string => `  ${one.padEnd(width)}  ${other}`.trimEnd();
  return [
    `the runs are alike for ${counted}, and differ then: ${difference}`,
    side(...heads),
    ...cells.flatMap(([one, other]) =>
      Array.from({ length: Math.max(one.length, other.length) }, (_, i) => side(one[i], other[i])),
    ),
  ];
}
