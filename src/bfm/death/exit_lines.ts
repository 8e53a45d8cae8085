// SPDX-License-Identifier: LGPL-2.1-only
import { groupedDigits } from '../../session/grouped_digits.js';
import type { ReportedExit } from '../../session/reported_exit.js';

/** What makes two exits one line. */
const keyOf = ({ reason, rip, qualification, handler, action }: ReportedExit): string =>
  [reason, rip, qualification, handler, action].join(' ');

interface Row {
  readonly exit: ReportedExit;
  count: number;
}

function rowsOf(exits: readonly ReportedExit[]): Row[] {
  const rows: Row[] = [];
  for (const exit of exits) {
    const before = rows.at(-1);
    if (before !== undefined && keyOf(before.exit) === keyOf(exit)) before.count++;
    else rows.push({ exit, count: 1 });
  }
  return rows;
}

const shownAction = ({ handler, action }: ReportedExit): string =>
  handler === null ? (action === 'not handled' ? '-' : action) : `${handler}: ${action}`;

const titleOf = ({ length }: readonly ReportedExit[]): string =>
  length === 1 ? 'the only VM exit' : `last ${length} VM exits, newest last`;

/**
 * Lines for people, the newest exit last. Equal exits in a row share a line.
 *
 * @param most lines
 * @param title which exits they are
 */
export function exitLines(exits: readonly ReportedExit[], most: number, title = titleOf(exits)): string[] {
  if (exits.length === 0) return [];
  const rows = rowsOf(exits);
  const shown = rows.slice(-most);
  const hidden = rows.slice(0, -most).reduce((sum, { count }) => sum + count, 0);
  const cells = shown.map(({ exit, count }) => [
    groupedDigits(exit.instructions),
    `${exit.reason}${count > 1 ? ` x${count}` : ''}`,
    exit.rip,
    exit.qualification,
    shownAction(exit),
  ]);
  const head = ['instruction', 'exit', 'RIP', 'qualification', 'handled by'];
  const widths = head.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padStart(widths[0]!) : cell.padEnd(widths[column]!))).join('  ')}`.trimEnd();
  const rest = hidden > 0 ? ` (the first ${hidden} are in the report of --json)` : '';
  return [`${title}${rest}:`, line(head), ...cells.map(line)];
}
