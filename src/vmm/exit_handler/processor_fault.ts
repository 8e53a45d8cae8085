// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import type { Exit } from '../exit/exit.js';

/**
 * Executes an instruction for the guest and steps over it. A fault of the instruction becomes the guest's own. If a contribution injected
 * a fault, the instruction has not completed either, and RIP stays.
 *
 * @returns whether the instruction completed.
 */
export function executeForGuest(exit: Exit, execute: () => void): boolean {
  try {
    execute();
  } catch (error) {
    if (!(error instanceof ProcessorFault)) throw error;
    exit.inject(error.vector, error.errorCode);
    return false;
  }
  if (exit.hasInjected) return false;
  exit.advance();
  return true;
}
