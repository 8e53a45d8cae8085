// SPDX-License-Identifier: LGPL-2.1-only
import type { PcEnd } from '../../machine/pc.js';
import type { GuestEnd } from '../../session/guest_end.js';
import { ExitStatus } from '../failures/exit_status.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import type { CheckpointFacts } from '../../session/replay/replay_session.js';
import type { CompiledFigures, Outcome, RunReport, ShownConsole } from '../worker/run_request.js';

const STATUS: Readonly<Record<Exclude<Outcome, PcEnd['kind'] | 'halted'> | 'dead', ExitStatus>> = {
  reached: ExitStatus.Reached,
  saved: ExitStatus.Reached,
  replayed: ExitStatus.Reached,
  diverged: ExitStatus.Diverged,
  incomplete: ExitStatus.Incomplete,
  dead: ExitStatus.Dead,
  timeout: ExitStatus.Timeout,
  interrupted: ExitStatus.Interrupted,
  error: ExitStatus.Error,
};

/** What a run waits for: a text of the console, or a number of instructions. */
type Awaited = string | number | undefined;

/** Where a run from a snapshot begins, with the end of what the guest's console showed. @param staysOpen a prompt is left open, to be typed at */
export function restoredLines(instructions: number, { lines, isOpen }: ShownConsole, staysOpen: boolean): string {
  const heading = `restored at ${groupedDigits(instructions)} instructions`;
  if (lines.length === 0) return `${heading}\n`;
  const end = isOpen && staysOpen ? ' ' : '\n';
  return `${heading}; the guest's console showed last:\n${lines.join('\n')}${end}`;
}

/** The exit status of a run. @param until what was waited for, if anything. */
export function exitStatusOf(report: RunReport, until: Awaited): ExitStatus {
  const status = statusOfEnd(report, until);
  return status === ExitStatus.Reached && report.unwritten === true ? ExitStatus.Error : status;
}

function statusOfEnd(report: RunReport, until: Awaited): ExitStatus {
  switch (report.outcome) {
    case 'powered-off':
    case 'halted':
    case 'reset':
      return until === undefined ? ExitStatus.Reached : ExitStatus.Error;
    case 'debug-exit':
      return until === undefined && report.machine.debugExit === 0 ? ExitStatus.Reached : ExitStatus.Error;
    default:
      return STATUS[report.outcome];
  }
}

/** How a guest ended by itself: a sentence, or the report of a death. @param early what had not happened yet when it ended. */
export function endingLine({ kind, detail }: GuestEnd, debugExit: number | null, early = ''): string {
  switch (kind) {
    case 'powered-off':
      return `the guest switched the power off${early} (${detail})`;
    case 'halted':
      return `the guest's system has halted${early}`;
    case 'debug-exit':
      return `the guest wrote ${debugExit} to the debug-exit port${early}`;
    case 'reset':
      return `the guest reset the machine${early} (${detail})`;
    case 'dead':
      return detail;
  }
}

/** A sentence follows its heading on the same line, a report of several lines starts on the next one. */
function afterHeading(detail: string): string {
  if (detail === '') return '';
  return `${detail.includes('\n') ? '\n' : ': '}${detail}`;
}

/** What had not happened yet when a run ended. */
function earlyText(until: Awaited): string {
  if (until === undefined) return '';
  if (typeof until === 'number') return ` before its ${groupedDigits(until)} instructions were done`;
  return ` before "${until}" appeared on its console`;
}

/** How the run ended: a sentence, with a report of several lines if it was stopped or died. */
export function outcomeLine(report: RunReport, until: Awaited): string {
  const early = earlyText(until);
  switch (report.outcome) {
    case 'reached':
      return `"${until ?? ''}" reached`;
    case 'saved':
      return `saved as ${report.detail}`;
    case 'powered-off':
    case 'halted':
    case 'debug-exit':
    case 'reset':
      return endingLine({ kind: report.outcome, detail: report.detail }, report.machine.debugExit, early);
    case 'timeout':
      return `time-out${early}${afterHeading(report.detail)}`;
    case 'interrupted':
      return `interrupted${report.detail.startsWith('before ') ? ` ${report.detail}` : afterHeading(report.detail)}`;
    default:
      return report.detail;
  }
}

function checkpointRows({ count, spacing, bytes, failure }: CheckpointFacts): [string, string][] {
  const table: [string, string][] = [
    ['checkpoints', groupedDigits(count)],
    ['instructions between two', groupedDigits(spacing)],
    ['memory of checkpoints', `${(bytes / 2 ** 20).toFixed(1)} MiB`],
  ];
  return failure === undefined ? table : [...table, ['there are fewer because', failure]];
}

/** Of the instructions that this process has executed. */
function speedOf({ machine: { instructions, restoredAt = 0 }, milliseconds }: RunReport): string {
  return `${((instructions - restoredAt) / 1000 / Math.max(milliseconds, 0.001)).toFixed(1)} MIPS`;
}

/** How often the interpreter went on behind a region, by the reason. */
function leftRows(leaves: CompiledFigures['leaves']): [string, string][] {
  const texts: Record<keyof typeof leaves, string> = {
    target: 'code without a region',
    instruction: 'an instruction of the interpreter',
    access: 'a miss of the TLB or a fault',
    budget: 'the end of a turn',
    due: 'a device, code or an event',
  };
  return Object.entries(texts).map(([reason, text]) => [
    `left for ${text}`,
    groupedDigits(leaves[reason as keyof typeof leaves]),
  ]);
}

function compiledRows(
  compiled: CompiledFigures,
  { instructions, restoredAt = 0 }: RunReport['machine'],
): [string, string][] {
  const { regions, modules, bytes, milliseconds, longestMilliseconds, entries, failure } = compiled;
  const table: [string, string][] = [
    [
      'instructions in compiled regions',
      `${((100 * compiled.instructions) / Math.max(instructions - restoredAt, 1)).toFixed(1)} %`,
    ],
    ['instructions per visit of a region', (compiled.instructions / Math.max(entries, 1)).toFixed(1)],
    ...leftRows(compiled.leaves),
    ['compiled regions', `${groupedDigits(regions)} in ${groupedDigits(modules)} modules`],
    ['WebAssembly of regions', `${(bytes / 2 ** 20).toFixed(1)} MiB`],
    ['time to compile', `${(milliseconds / 1000).toFixed(3)} s`],
    ['longest pause to compile', `${(longestMilliseconds / 1000).toFixed(3)} s`],
  ];
  return failure === undefined ? table : [...table, ['nothing more was compiled because', failure]];
}

function rows(report: RunReport, stats: boolean): [string, string][] {
  const { machine, extensions, milliseconds } = report;
  const exits = Object.entries(machine.exits).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const table: [string, string][] = exits.map(([name, count]) => [`exits: ${name}`, groupedDigits(count)]);
  for (const [extension, values] of Object.entries(extensions ?? {})) {
    for (const [name, value] of Object.entries(values))
      table.push([`${extension}: ${name}`, typeof value === 'number' ? groupedDigits(value) : value]);
  }
  table.push([`instructions${report.forced === true ? ' (at least)' : ''}`, groupedDigits(machine.instructions)]);
  table.push(['time', `${(milliseconds / 1000).toFixed(3)} s`]);
  if (!stats) return table;
  table.push(['guest time', `${(machine.virtualTime / 1e9).toFixed(6)} s`]);
  // A replay that went back has executed some instructions more than once.
  if ((report.points?.length ?? 0) <= 1) {
    table.push(['speed', speedOf(report)]);
    if (machine.compiled !== undefined) table.push(...compiledRows(machine.compiled, machine));
  }
  if (machine.stateHash !== undefined) table.push(['state hash', machine.stateHash]);
  if (report.checkpoints !== undefined) table.push(...checkpointRows(report.checkpoints));
  return table;
}

/** The short table at the end of a run: exits by reason, what extensions report, instructions, time. */
export function reportTable(report: RunReport, stats: boolean): string {
  const table = rows(report, stats);
  const width = Math.max(...table.map(([name]) => name.length));
  const valueWidth = Math.max(...table.map(([, value]) => value.length));
  return table.map(([name, value]) => `  ${name.padEnd(width)}  ${value.padStart(valueWidth)}\n`).join('');
}

/** What a trace, a profile and `--dump-compiled` say at the end of a run. */
export function instrumentLines({ trace, profile, compiledRegion }: RunReport): string {
  const texts = [trace === undefined ? undefined : `trace: ${trace}`, profile, compiledRegion];
  const lines = texts.filter((text) => text !== undefined);
  return lines.map((line) => `bfm: ${line}\n`).join('');
}
