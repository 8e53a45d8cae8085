// SPDX-License-Identifier: LGPL-2.1-only

/** Events that stop or restart the whole machine. */
export interface SystemControl {
  /** The guest switched the power off. @param how which port it used. */
  powerOff(how: string): void;
  /** The guest asked for a reset. @param how which port it used. */
  reset(how: string): void;
  /** The guest wrote a result to the debug-exit port. */
  debugExit(value: number): void;
  /** The A20 gate: whether address bit 20 is on the bus. */
  setA20(enabled: boolean): void;
}
