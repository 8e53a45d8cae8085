// SPDX-License-Identifier: LGPL-2.1-only
import { isForeignFrame, placeOfFrame, userFrames } from '../../driver/node/user_frames.js';
import { BareflankError } from '../../intrinsics/errors.js';
import { printable } from '../../session/printable.js';

/** An error as plain data, for another thread or for a program that reads `--json`. Parts that an error lacks are null. */
export interface Problem {
  /** The class of the error: `UsageError`, `ModuleFileError` … */
  readonly name: string;
  /** The whole message, for people. If a user's code threw, it has the frames of that code and no others. */
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

/** An error that came as a `Problem` from another thread or process. */
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

/** What to do about errors of the system that no file causes. */
const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'check the owner and the mode of what it names',
  EPERM: 'check the owner and the mode of what it names',
  EROFS: 'it is on a file system that cannot be written: use another folder',
  ENOSPC: 'the disk is full: make room on it',
  EDQUOT: 'your share of the disk is used up: make room on it',
  EMFILE: 'this process has too many files open: raise ulimit -n',
  ENFILE: 'the system has too many files open: end other programs',
  ENOMEM: 'the system has no memory left: end other programs, or give the machine less by --memory',
  EAGAIN: 'the system allows no more processes or threads: end other programs, or raise ulimit -u',
  E2BIG: 'the command line is too long',
  ERR_WORKER_OUT_OF_MEMORY: 'code of an extension keeps more objects than there is memory for',
  ERR_WORKER_INIT_FAILED: 'the system has no memory or threads left: end other programs',
};

/** Whether an error is the system's, not the program's: it names a system call, or has a known code. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException & { readonly code: string } {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && (typeof syscall === 'string' || code in ADVICE);
}

function problemOfSystem(error: NodeJS.ErrnoException & { readonly code: string }): Problem {
  const advice = ADVICE[error.code] ?? null;
  return {
    name: 'SystemError',
    what: advice === null ? error.message : `${error.message}: ${advice}`,
    where: error.path ?? null,
    found: error.code,
    expected: null,
    advice,
  };
}

/** Lines of a message that has places of code in it, as those of `--trace-vmcs`: without the framework's frames, which are indented by more there. */
export const ownLines = (message: string): string[] =>
  message.split('\n').filter((line) => !isForeignFrame(line.replace(/^\s*at /, '    at ')));

/**
 * All that is known about an error. An error that is neither ours nor the system's is reported as a fault of the program.
 *
 * @param folder places of code are relative to it; null: they are absolute, for a reader in another folder.
 */
export function problemOf(error: unknown, folder: string | null = '.'): Problem {
  if (isOfSystem(error)) return problemOfSystem(error);
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
    what: printable([...ownLines(error.message), ...frames.map((frame) => `    ${frame}`)].join('\n')),
    where: where ?? placeOfFrame(frames[0] ?? '') ?? filesOf(error),
    found: found ?? null,
    expected: expected ?? null,
    advice: advice ?? null,
  };
}
