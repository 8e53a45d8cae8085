// SPDX-License-Identifier: LGPL-2.1-only
import { bfwarning } from './output.js';

/** A warning that is given at its first call only. */
export function warningOnce(): (message: string) => void {
  let isGiven = false;
  return (message) => {
    if (isGiven) return;
    isGiven = true;
    bfwarning`${message}`;
  };
}
