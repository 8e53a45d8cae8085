// SPDX-License-Identifier: LGPL-2.1-only
import type { Debugger } from '../../session/debug/debugger.js';
import type { MachineSession } from '../../session/machine_session.js';

/** The machine that a stub shows to GDB. */
export interface DebuggedMachine {
  readonly session: MachineSession;
  readonly debug: Debugger;
  /** The names of the VMM's contributions and exit handlers, as the VMM numbers them. */
  readonly handlers: () => readonly string[];
  /** Whether registers and memory may be changed: not in a recorded run, which would not be that run any more. */
  readonly canChange: boolean;
  /** Evaluates TypeScript about the machine. @returns the value, for people; undefined for none. @throws BareflankError */
  readonly evaluate: (text: string) => Promise<string | undefined>;
  /** How the machine ended, if it has, or why the run cannot go on. */
  readonly ending: () => string;
  /** The debugger holds the machine, or lets it run. */
  readonly holds: (isHeld: boolean) => void;
}

/** The detail of a run that its debugger has ended. */
export const ENDED_BY_GDB = 'GDB has ended the run';
