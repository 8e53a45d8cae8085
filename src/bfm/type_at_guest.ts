// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../machine/pc.js';
import type { RunControl } from './run_control.js';

/** Bytes that may wait at the guest's serial port for a guest that does not read. */
const MOST_WAITING = 4096;

/** Worker: whether something was typed for which there is room at the guest's console. */
export function canType(control: RunControl, { chipset: { com1 } }: Pc): boolean {
  return control.hasInput && com1.waitingBytes < MOST_WAITING;
}

/** Worker: hands what was typed to the guest's console, unless enough waits there. @returns whether anything was handed on */
export function typeAtGuest(control: RunControl, pc: Pc): boolean {
  if (!canType(control, pc)) return false;
  pc.chipset.com1.receive(control.takeInput());
  return true;
}
