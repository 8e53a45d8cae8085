// SPDX-License-Identifier: LGPL-2.1-only

/** A mistake in a source. */
export interface SourceMistake {
  readonly text: string;
  /** Line and column, from 1, if the compiler knows them. */
  readonly place?: { readonly line: number; readonly column: number };
}

/** A source that cannot be compiled. */
export class SourceMistakes extends Error {
  constructor(
    readonly mistakes: readonly SourceMistake[],
    cause: unknown,
  ) {
    super('the source has mistakes; they are listed below it', { cause });
  }
}
