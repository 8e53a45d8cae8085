// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import type { Exit } from '../exit/exit.js';

/** A fault of an instruction that is executed for the guest is the guest's own. @throws anything else */
export function injectFault(exit: Exit, error: unknown): void {
  if (!(error instanceof ProcessorFault)) throw error;
  exit.inject(error.vector, error.errorCode);
}

/** Steps over an instruction that was executed for the guest. If a contribution injected a fault, the instruction has not completed, and RIP stays. */
export function complete(exit: Exit): void {
  if (!exit.hasInjected) exit.advance();
}
