// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../machine/pc.js';

/** Where bytes of one serial port go. */
export interface ByteSink {
  push(byte: number): void;
  /** Flushes what was pushed. May wait for a reader; guest time does not pass meanwhile. */
  flush(): void;
}

/** What a session needs from its surroundings. */
export interface SessionPorts {
  /** The guest's console. */
  readonly console: ByteSink;
  /** The VMM's serial port. */
  readonly vmm: ByteSink;
  /** Whether `takeInput` would return input. */
  hasInput(): boolean;
  /** Whether input may still come. The session then waits in idle time that only input can end, at a fast pace too. */
  isInputOpen(): boolean;
  /** Takes the input since the last call. The caller's side bounds its length. */
  takeInput(): readonly number[];
  /** Milliseconds of real time, from any starting point. */
  now(): number;
  /** Whether the session's owner wants to do something. The slice then ends. */
  wantsAttention(): boolean;
  /** A quantum has ended. */
  quantumEnded(pc: Pc): void;
}

/** Why a slice ended. */
export enum SliceEnd {
  /** Its virtual time has passed. */
  Time,
  /** The machine has ended: `MachineSession.end` says how. */
  Ended,
  /** The text that is waited for has appeared. */
  TextReached,
  /** The point at which the owner wanted to stop: `SessionOptions.stopAt`. */
  PointReached,
  /** The moment of the late start has come: nothing runs until `lateStarted`. */
  LateStartDue,
  /** All processors are idle, for `MachineSession.idleMilliseconds` of real time. */
  Idle,
  /** The owner wants attention. */
  Attention,
  /** A recorded call of the driver is due: `MachineSession.dueCall`. */
  CallDue,
  /** The machine has met what a debugger stops at: `Pc.stops` says what. */
  DebuggerStop,
  /** The recording has nothing more. */
  Replayed,
  /** The run is not the recorded one. */
  Diverged,
}
