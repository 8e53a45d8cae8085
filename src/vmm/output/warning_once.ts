// SPDX-License-Identifier: LGPL-2.1-only
import { bfwarning } from './output.js';

/** Gives a warning at the first call only. @param given whether each was given, by its name: state, so that a restored VMM does not repeat one. */
export function warnOnce<K extends string>(given: Record<K, boolean>, name: K, message: string): void {
  if (given[name]) return;
  given[name] = true;
  bfwarning`${message}`;
}
