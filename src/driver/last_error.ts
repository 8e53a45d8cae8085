// SPDX-License-Identifier: LGPL-2.1-only

// eslint-disable-next-line no-control-regex -- colours are escape sequences
const colours = /\u001b\[[0-9;]*m/g;

/** The text of the last line of a vCPU's log that reports an error. @returns undefined if there is none. */
export function lastError(log: string | undefined): string | undefined {
  const errors = (log ?? '').replace(colours, '').match(/(?<=ERROR: ).*/g);
  return errors?.at(-1)?.trim();
}
