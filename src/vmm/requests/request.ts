// SPDX-License-Identifier: LGPL-2.1-only

/** A contribution that asks an owner, by its name. */
export interface Requester {
  readonly name: string;
}

/**
 * A contribution's request to an owner. The owner merges the requests of several contributions. Disposing a request takes it back; disposing it again
 * does nothing.
 */
export interface Request extends Disposable {
  /** The symbol's name of the owner: `MsrBitmap`, `Ept` and so on. */
  readonly owner: string;
  /** The name of the contribution. */
  readonly contribution: string;
  /** The content of the request, in the owner's terms: plain data. */
  readonly key: unknown;
  /** Unique among the requests of the owner. */
  readonly id: number;
}

/** A request as its owner keeps it. */
export interface RequestRecord<K> {
  readonly contribution: string;
  /** The owner may replace it. */
  key: K;
}
