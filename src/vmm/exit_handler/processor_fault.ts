// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import type { Exit } from './exit.js';

/**
 * Executes an instruction for the guest and steps over it; a fault of the instruction becomes the guest's own.
 *
 * @returns whether it completed.
 */
export function executeForGuest(exit: Exit, execute: () => void): boolean {
  try {
    execute();
  } catch (error) {
    if (!(error instanceof ProcessorFault)) throw error;
    exit.inject(error.vector, error.errorCode);
    return false;
  }
  exit.advance();
  return true;
}
