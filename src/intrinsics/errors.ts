// SPDX-License-Identifier: LGPL-2.1-only

/** The parts of an error's message, for programs; a person reads them all in the message. */
export interface ErrorDetails {
  /** File with line and column, or the name of what is at fault. */
  readonly where?: string;
  /** The value or state that was found. */
  readonly found?: string;
  /** What was wanted instead. */
  readonly expected?: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** What an error may carry besides its message. */
export interface ErrorOptions {
  readonly causedBy?: unknown;
  readonly details?: ErrorDetails;
}

/** The base of every error this framework throws: what failed, where, what was found, what was expected, what to do. */
export class BareflankError extends Error {
  /** The error that led to this one, if any. */
  readonly causedBy: unknown;
  /** The parts of the message that are known separately. */
  readonly details: ErrorDetails;

  constructor(message: string, options: ErrorOptions = {}) {
    super(message);
    this.name = new.target.name;
    this.causedBy = options.causedBy;
    this.details = options.details ?? {};
  }
}

/** An instruction of the VMM faulted (#GP, #UD …). */
export class ProcessorFault extends BareflankError {
  constructor(
    readonly vector: number,
    readonly errorCode: number | undefined,
    what: string,
  ) {
    super(what);
  }
}

/** The VMM's page table does not map the address of a load or store. */
export class VmmPageFault extends BareflankError {
  constructor(
    readonly address: bigint,
    readonly access: 'read' | 'write' | 'execute',
    detail = '',
  ) {
    super(
      `the VMM's ${access} at 0x${address.toString(16)} is not mapped by its page table${detail === '' ? '' : `: ${detail}`}`,
    );
  }
}

/** An accessor was asked to write a read-only word. */
export class ReadOnlyError extends BareflankError {}

/** A value does not fit into a bit field, or has no such name. */
export class ValueRangeError extends BareflankError {}
