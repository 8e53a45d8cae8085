// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import type { TakenBranch } from './branch_trace.js';

/** A taken branch as plain JSON values. */
export interface ReportedBranch {
  readonly from: string;
  readonly to: string;
  readonly how: string;
  /** As in `name+0x1a`, where a name is known. */
  readonly fromSymbol?: string;
  readonly toSymbol?: string;
}

export function reportedBranch(
  { from, to, how }: TakenBranch,
  nameOf: (address: bigint) => string | undefined,
): ReportedBranch {
  const [fromSymbol, toSymbol] = [nameOf(from), nameOf(to)];
  return { from: hex(from), to: hex(to), how, ...(fromSymbol && { fromSymbol }), ...(toSymbol && { toSymbol }) };
}

const place = (address: string, symbol = ''): string => `${address} ${symbol}`.trimEnd();

/** Branches of a loop that are recognized as one. */
const LONGEST_LOOP = 8;

/** Lines for people, the newest branch last. Rounds of a loop that are alike are shown once. */
export function branchLines(processor: number, branches: readonly ReportedBranch[]): string[] {
  if (branches.length === 0) return [`no taken branches of processor ${processor} just before`];
  const head = ['from', 'to', 'by'];
  const cells = branches.map(({ from, to, how, fromSymbol, toSymbol }) => [
    place(from, fromSymbol),
    place(to, toSymbol),
    how,
  ]);
  const widths = head.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd();
  const title = branches.length === 1 ? 'the last taken branch' : `last ${branches.length} taken branches`;
  return [`${title} of processor ${processor}, newest last:`, line(head), ...withoutRounds(cells.map(line))];
}

/** Leaves out the rounds of a loop behind its first one. */
function withoutRounds(lines: readonly string[]): string[] {
  const shown: string[] = [];
  for (let at = 0; at < lines.length;) {
    const { length, rounds } = loopAt(lines, at);
    shown.push(...lines.slice(at, at + length));
    if (rounds > 1)
      shown.push(
        `  … ${length === 1 ? 'the same' : `these ${length} lines`} ${rounds - 1} more time${rounds === 2 ? '' : 's'}`,
      );
    at += length * rounds;
  }
  return shown;
}

/** The loop that saves most lines; one round of one line if there is none. */
function loopAt(lines: readonly string[], at: number): { readonly length: number; readonly rounds: number } {
  let best = { length: 1, rounds: 1 };
  for (let length = 1; length <= LONGEST_LOOP; length++) {
    let rounds = 1;
    while (isRound(lines, at, length, rounds)) rounds++;
    const isWorth = rounds > 1 && (rounds - 1) * length > 1;
    if (isWorth && (rounds - 1) * length > (best.rounds - 1) * best.length) best = { length, rounds };
  }
  return best;
}

function isRound(lines: readonly string[], at: number, length: number, round: number): boolean {
  for (let i = 0; i < length; i++) {
    const line = lines[at + round * length + i];
    if (line === undefined || line !== lines[at + i]) return false;
  }
  return true;
}
