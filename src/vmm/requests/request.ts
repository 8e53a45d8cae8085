// SPDX-License-Identifier: LGPL-2.1-only

/** Who asks an owner for something: a contribution, by its name. */
export interface Requester {
  readonly name: string;
}

/**
 * What a contribution asked an owner for. The owner merges the requests of several contributions; disposing one takes it back, and disposing
 * it again does nothing.
 */
export interface Request extends Disposable {
  /** The symbol's name of the owner: `MsrBitmap`, `Ept` and so on. */
  readonly owner: string;
  /** The name of the contribution. */
  readonly contribution: string;
  /** What it asked for, in the owner's terms: plain data. */
  readonly key: unknown;
  /** Unique among the requests of the owner. */
  readonly id: number;
}

/** A request as its owner keeps it. */
export interface RequestRecord<K> {
  readonly contribution: string;
  readonly key: K;
}
