// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../machine/pc.js';
import type { MachineEvent } from './machine_event.js';
import type { SliceEnd } from './session_ports.js';

/** Where a session's events come from: its surroundings, or a recording. */
export interface InputSource {
  /** After an idle time was refused: for how many milliseconds of real time the machine has nothing to do; 0 otherwise. */
  readonly idleMilliseconds: number;
  /** Whether an event is there that the machine can take at once. */
  readonly isReady: boolean;
  /** The machine is at a moment. @returns what comes in now, why the machine must stop, or undefined: it may run on */
  next(): MachineEvent | SliceEnd | undefined;
  /** The machine has cut a turn behind an instruction. @returns as `next` */
  nextWithin?(): MachineEvent | SliceEnd | undefined;
  /** Instructions after which a turn must be cut, since something comes in there; infinite if nothing does. */
  readonly most?: number;
  /** All processors sleep. @param nanoseconds until the next timer, or infinite. @returns whether the machine may jump over them */
  mayJump(nanoseconds: number): boolean;
  /** An event comes in now: the part of an idle time that has passed on the wall passes in the machine too. */
  passIdleTime(): void;
}

/** Makes a session's source when its machine exists. */
export type MakeInputSource = (pc: Pc) => InputSource;
