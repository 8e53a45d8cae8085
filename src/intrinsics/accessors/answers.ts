// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../errors.js';

/** Whether the processor has what `read` reads: false if the instruction faults. Other errors pass. */
export function answers(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof ProcessorFault) return false;
    throw error;
  }
}
