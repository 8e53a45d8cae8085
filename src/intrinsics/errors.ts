// SPDX-License-Identifier: LGPL-2.1-only

/** The base of every error this framework throws: what failed, where, what was found, what was expected, what to do. */
export class BareflankError extends Error {
  /** The error that led to this one, if any. */
  readonly causedBy: unknown;

  constructor(message: string, options: { causedBy?: unknown } = {}) {
    super(message);
    this.name = new.target.name;
    this.causedBy = options.causedBy;
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

/** A load or store of the VMM missed its page table. */
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
