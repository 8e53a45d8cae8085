// SPDX-License-Identifier: LGPL-2.1-only

/**
 * What every contribution carries: a unique name, and its place in the order. `before` and `after` give the order. Ties are broken by name, never by
 * load order.
 */
export interface Contribution {
  readonly name: string;
  /** Names of contributions that this one comes before. An unknown name is a load error. */
  readonly before?: readonly string[];
  /** Names of contributions that this one comes after. */
  readonly after?: readonly string[];
}
