// SPDX-License-Identifier: LGPL-2.1-only
import type { PcEnd } from '../machine/pc.js';

/** How a guest ended by itself, in words for people. */
export interface GuestEnd {
  /** `halted`: the guest's system has shut down, and left the power on. */
  readonly kind: PcEnd['kind'] | 'halted';
  readonly detail: string;
}

/** What a system prints when it has shut down and leaves the power on, such as Linux for `halt`. */
const SAID = /System halted/i;

/**
 * Distinguishes a guest that halted on purpose from one that died. The machine looks the same after both.
 *
 * @param lastLines of the guest's console
 */
export function guestEnd({ kind, detail, isHalted }: PcEnd, lastLines: readonly string[]): GuestEnd {
  const isMeant = isHalted === true && lastLines.some((line) => SAID.test(line));
  return { kind: isMeant ? 'halted' : kind, detail };
}
