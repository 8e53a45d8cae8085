// SPDX-License-Identifier: LGPL-2.1-only
import type { MachineSession } from '../machine_session.js';
import type { SliceEnd } from '../session_ports.js';

/** A run that a debugger drives: a machine that lives, or a recorded one. */
export interface DebuggedRun {
  readonly session: MachineSession;
  /**
   * Runs on until a virtual time, or until something happens earlier. Calls of the driver and late starts that fall due are made.
   *
   * @returns why it stopped
   */
  advance(untilVirtual: number): Promise<SliceEnd>;
  /**
   * Of a recorded run: goes to the last checkpoint before so many instructions of all processors.
   *
   * @returns whether there is one; if not, nothing has changed
   */
  goBackBefore?(instructions: number): Promise<boolean>;
}
