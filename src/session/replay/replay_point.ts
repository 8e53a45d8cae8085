// SPDX-License-Identifier: LGPL-2.1-only

/** A point of a run at which a replay stops. */
export type ReplayPoint =
  /** So many instructions of all processors together. */
  | { readonly kind: 'instruction'; readonly count: number }
  /** So many VM exits of all processors together: the last of them has been handled. */
  | { readonly kind: 'exit'; readonly count: number }
  /** A text on the guest's console, for the first time since power-on. */
  | { readonly kind: 'text'; readonly text: string };
