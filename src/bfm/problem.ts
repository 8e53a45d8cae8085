// SPDX-License-Identifier: LGPL-2.1-only
import { placeOfFrame, userFrames } from '../driver/node/user_frames.js';
import { BareflankError } from '../intrinsics/errors.js';

/** An error as plain data, for another thread or for a program that reads `--json`. What an error does not say is null. */
export interface Problem {
  /** The class of the error: `UsageError`, `ModuleFileError` … */
  readonly name: string;
  /** The whole message, as a person reads it: if code of a user's threw, with its own frames and no others. */
  readonly what: string;
  /** File with line and column, files, or the option at fault. */
  readonly where: string | null;
  /** The value or state that was found. */
  readonly found: string | null;
  /** What was wanted instead. */
  readonly expected: string | null;
  /** What to do about it. */
  readonly advice: string | null;
}

/** An error that was a `Problem` on its way. */
interface CarriesProblem {
  readonly problem: Problem;
}

const carriesProblem = (error: object): error is CarriesProblem => 'problem' in error;

/** Errors of modules name their file or files. */
function filesOf(error: object): string | null {
  if ('file' in error && typeof error.file === 'string') return error.file;
  if ('files' in error && Array.isArray(error.files) && error.files.length > 0)
    return [...new Set(error.files as string[])].join(', ');
  return null;
}

/**
 * What is known of an error. One that is none of ours is a fault of the program, and says so.
 *
 * @param folder places of code are told relative to it; null: absolute, for a reader in another folder.
 */
export function problemOf(error: unknown, folder: string | null = '.'): Problem {
  if (!(error instanceof BareflankError)) {
    const name = error instanceof Error ? error.name : 'Error';
    const advice = 'this is a fault of bfm: run it again with BFM_TRACE=1 and report what it prints';
    return { name, what: `internal error: ${String(error)}`, where: null, found: null, expected: null, advice };
  }
  if (carriesProblem(error)) return error.problem;
  const { where, found, expected, advice } = error.details;
  const frames = userFrames(error, folder);
  return {
    name: error.name,
    what: [error.message, ...frames.map((frame) => `    ${frame}`)].join('\n'),
    where: where ?? placeOfFrame(frames[0] ?? '') ?? filesOf(error),
    found: found ?? null,
    expected: expected ?? null,
    advice: advice ?? null,
  };
}
