// SPDX-License-Identifier: LGPL-2.1-only
import { ErrorCode } from '../error_codes.js';
import { OutOfMemoryError } from '../errors.js';
import { bferror } from './output.js';

function report(error: unknown): void {
  if (error instanceof Error) {
    bferror`${'-'.repeat(80)}\nStandard Exception Caught\n${'-'.repeat(80)}\n${error.name}: ${error.message}`;
  } else {
    bferror`${'-'.repeat(80)}\nUnknown Exception Caught\n${'-'.repeat(80)}\n${String(error)}`;
  }
}

/**
 * Runs `body` and turns its outcome into one of Bareflank's codes: 0, `BF_BAD_ALLOC` if memory ran out (not printed), else `code` after a
 * banner with the exception.
 */
export function guardExceptions(code: bigint, body: () => void): bigint {
  try {
    body();
    return ErrorCode.BF_SUCCESS;
  } catch (error) {
    if (error instanceof OutOfMemoryError) return ErrorCode.BF_BAD_ALLOC;
    report(error);
    return code;
  }
}

/** Runs `body`; an exception is printed, and the caller goes on. */
export function ignoreExceptions(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) report(error);
  }
}
