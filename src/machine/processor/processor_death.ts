// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';

/** Why a logical processor has stopped for good. */
export interface ProcessorDeath {
  /** A sentence for the report of its end. */
  readonly reason: string;
  /** The exception that a handler threw, if that was the reason. */
  readonly error?: unknown;
}

/** An intrinsic was called on a processor that has stopped for good. */
export class ProcessorDeadError extends BareflankError {
  constructor(
    readonly processor: number,
    readonly death: ProcessorDeath,
  ) {
    super(`processor ${processor} has stopped: ${death.reason}`, { causedBy: death.error });
  }
}
