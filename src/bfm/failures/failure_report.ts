// SPDX-License-Identifier: LGPL-2.1-only
import type { Command } from 'commander';
import type { ExitStatus } from './exit_status.js';
import type { Problem } from './problem.js';

/** What a command with `--json` prints if it fails, or cannot begin: the shape of a run's report, without measurements. */
export interface FailureReport {
  readonly outcome: 'error';
  readonly exitStatus: ExitStatus;
  /** The message, as on stderr. */
  readonly detail: string;
  readonly error: Problem;
  readonly machine: null;
  readonly extensions: null;
  readonly milliseconds: null;
}

/** The report of a command that failed. */
export function failureReport(error: Problem, exitStatus: ExitStatus): FailureReport {
  return {
    outcome: 'error',
    exitStatus,
    detail: error.what,
    error,
    machine: null,
    extensions: null,
    milliseconds: null,
  };
}

const JSON_OPTION = '--json';

/** Whether a command line wants JSON, even if it cannot be parsed otherwise. @param command that it names */
export function wantsFailureReport({ options }: Pick<Command, 'options'>, args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const given = end < 0 ? args : args.slice(0, end);
  return given.includes(JSON_OPTION) && options.some(({ long }) => long === JSON_OPTION);
}
