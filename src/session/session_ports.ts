// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../machine/pc.js';

/** Where bytes of one serial port go. */
export interface ByteSink {
  push(byte: number): void;
  /** What was pushed is on its way after this. May wait for a reader: guest time does not pass meanwhile. */
  flush(): void;
}

/** What a session needs of the world around it. */
export interface SessionPorts {
  /** The guest's console. */
  readonly console: ByteSink;
  /** The VMM's serial port. */
  readonly vmm: ByteSink;
  /** Whether something was typed that `takeInput` would give. */
  hasInput(): boolean;
  /** Whether something may be typed yet: idle time that only input can end is waited for then, at a fast pace too. */
  isInputOpen(): boolean;
  /** Takes what was typed since the last call. The one who types bounds how much that is. */
  takeInput(): readonly number[];
  /** Milliseconds of a clock on the wall, from any beginning. */
  now(): number;
  /** Whether the session's owner wants to do something: a slice ends then. */
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
  /** The moment of the late start has come: nothing runs until `lateStarted`. */
  LateStartDue,
  /** All processors are idle, for `MachineSession.idleMilliseconds` on the wall. */
  Idle,
  /** The owner wants attention. */
  Attention,
}
