// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import type { ExplorationState } from '../../session/explore/exploration_state.js';
import type { TakenDeviation } from '../../session/explore/scheduled_run.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { ownName } from '../failures/own_name.js';
import { ExitStatus } from '../failures/exit_status.js';
import type { ExploreResult } from './explore_run.js';

/** All that is known about an exploration at its end. */
export interface ExploreReport {
  readonly result: ExploreResult;
  readonly status: ExitStatus;
  readonly state: ExplorationState;
  readonly seconds: number;
  /** Files that were written. */
  readonly recording: string | undefined;
  readonly resume: string | undefined;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((one, other) => one + other, 0);
const counted = (count: number, what: string): string => `${groupedDigits(count)} ${what}${count === 1 ? '' : 's'}`;

/** How far an exploration is. */
export const progressOf = (runs: readonly number[]): string =>
  `${counted(sum(runs), 'run')}, now with ${counted(Math.max(runs.length - 1, 0), 'preemption')}`;

/** What the user reads of a schedule: a line for each deviation. */
function tableOf(taken: readonly TakenDeviation[]): string[] {
  if (taken.length === 0) return [];
  const rows = taken.map(({ decision, passedOver, rip, exit, write, processor }) => [
    `${decision}`,
    `processor ${passedOver} at ${hex(rip)}`,
    exit ?? (write === undefined ? 'end of a turn' : `write to ${hex(write)}`),
    `processor ${processor}`,
  ]);
  const all = [['decision', 'passed over', 'after', 'executes next'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]!.length)));
  return all.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`);
}

function endLine({ result, status, state }: ExploreReport): string {
  if (result.end === 'found') {
    const { taken, detail } = result.failure;
    return `found: ${detail}, ${taken.length === 0 ? 'without a preemption' : `with ${counted(taken.length, 'preemption')}`}`;
  }
  if (result.end === 'explored')
    return `explored: the predicate holds under no schedule with up to ${counted(state.preemptions, 'preemption')}`;
  return status === ExitStatus.Timeout ? 'time-out: there are schedules left' : 'interrupted: there are schedules left';
}

const endings: Readonly<Record<keyof ExplorationState['counts'], string>> = {
  found: 'in which the predicate held',
  dead: 'in which the machine died',
  ended: 'that the guest ended',
  bound: 'that reached the limit of --instructions',
};

/** The report for people. */
export function exploreLines(report: ExploreReport): string {
  const { result, state, seconds, recording, resume } = report;
  const runs = sum(state.runs);
  const lines = [`bfm: ${endLine(report)}`];
  if (result.end === 'found') lines.push(...tableOf(result.failure.taken));
  const rounds =
    runs === 0
      ? ''
      : ` (${state.runs.join(' + ')} by number of preemptions), up to ${counted(state.decisions, 'decision')} each`;
  lines.push(`  ${counted(runs, 'run')}${rounds}, ${seconds.toFixed(1)} s`);
  for (const end of ['found', 'dead', 'ended', 'bound'] as const)
    if (state.counts[end] > 0) lines.push(`  ${counted(state.counts[end], 'run')} ${endings[end]}`);
  if (result.end === 'found' && recording !== undefined)
    lines.push(`  the run is in ${recording}: ${ownName} replay ${recording}`);
  if (result.end === 'stopped' && resume !== undefined)
    lines.push(`  ${resume} has what was explored: the same command goes on`);
  return `${lines.join('\n')}\n`;
}

/** The same as plain JSON values. */
export function exploreObject({ result, status, state, seconds, recording }: ExploreReport): object {
  const found = result.end === 'found' ? result.failure : undefined;
  const schedule = found?.taken.map(({ rip, exit, write, ...rest }) => ({
    ...rest,
    rip: hex(rip),
    exit: exit ?? null,
    write: write === undefined ? null : hex(write),
  }));
  const { runs, counts, decisions, seed, preemptions } = state;
  return {
    outcome: result.end,
    exitStatus: status,
    detail: found?.detail ?? null,
    schedule: schedule ?? null,
    runs,
    counts,
    decisions,
    seed,
    preemptions,
    seconds,
    recording: found === undefined ? null : (recording ?? null),
  };
}
