// SPDX-License-Identifier: LGPL-2.1-only
import { copyState } from '../state/copy_state.js';
import { equalState } from '../state/equal_state.js';

/** The widths of one port or memory-mapped access, in bytes. */
export type AccessSize = 1 | 2 | 4;

/** A part of the simulated PC whose whole state is plain data. */
export interface Device {
  /** Unique in a machine: the key of this device's state in a snapshot and in the state hash. */
  readonly name: string;
  /** Puts the device into the state after power-on or a reset. */
  reset(): void;
  /** A copy of the whole state, made of numbers, strings, booleans, null, arrays and objects only. */
  save(): object;
  /** Takes a state that `save` of a device of the same kind gave. */
  restore(state: object): void;
}

/**
 * A device that keeps all of its mutable state in one plain object, so that saving, restoring and hashing need no code of their own.
 * @typeParam S the shape of that object.
 */
export abstract class StatefulDevice<S extends object> implements Device {
  abstract readonly name: string;
  protected state: S;

  constructor() {
    this.state = this.initialState();
  }

  /** The state after a reset. */
  protected abstract initialState(): S;

  /** Called after the state was replaced, to bring wires and timers in line with it. */
  protected stateChanged(): void {}

  reset(): void {
    this.state = this.initialState();
    this.stateChanged();
  }

  save(): S {
    return copyState(this.state);
  }

  restore(state: object): void {
    // A machine that is reset again and again has changed few of its devices.
    if (equalState(this.state, state)) return;
    this.state = copyState(state) as S;
    this.stateChanged();
  }
}
