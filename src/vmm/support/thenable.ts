// SPDX-License-Identifier: LGPL-2.1-only

/** Whether a value is a Promise, or anything else with a `then`. Users' files are not type-checked when they are loaded. */
export function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
