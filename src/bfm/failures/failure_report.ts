// SPDX-License-Identifier: LGPL-2.1-only
import type { ExitStatus } from './exit_status.js';
import type { Problem } from './problem.js';

/** What `bfm run --json` prints of a run that could not begin: the shape of a run's report, without measurements. */
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

/** The report of a run that could not begin. */
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

/** Whether a command line is one of `bfm run` that wants JSON, even if it cannot be parsed otherwise. */
export function wantsRunReport(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const options = end < 0 ? args : args.slice(0, end);
  return options[0] === 'run' && options.includes('--json');
}
