// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../machine/pc.js';
import type { StampedEvent } from './machine_event.js';
import type { RecordedItem } from './recorded_item.js';

/** Instructions of all processors between two states of a recording. */
export const STATE_INTERVAL = 100_000_000;

/** The part of a run's time that hashes of memory may take. */
const HASH_SHARE = 0.01;

/** What a recorder is given. */
export interface RecorderOptions {
  /** Takes each item before its event comes in, so that what is written leads to a failure in a handler. */
  readonly write: (item: RecordedItem) => void;
  /** Milliseconds of real time, from any starting point. */
  readonly now: () => number;
  /** Instructions between two states; the default is `STATE_INTERVAL`. */
  readonly interval?: number;
}

/** Writes down a run while it happens: its events, its state at intervals, and its end. */
export class SessionRecorder {
  private readonly interval: number;
  private nextState: number;
  private readonly began: number;
  /** Milliseconds that hashes of memory have taken. */
  private spent = 0;

  constructor(private readonly options: RecorderOptions) {
    this.interval = options.interval ?? STATE_INTERVAL;
    this.nextState = this.interval;
    this.began = options.now();
  }

  event(event: StampedEvent): void {
    this.options.write({ kind: 'event', ...event });
  }

  /** A quantum has ended. */
  quantumEnded(pc: Pc): void {
    if (pc.instructions < this.nextState) return;
    const at = pc.moment;
    if (at === undefined) return;
    this.nextState = (Math.floor(at.instructions / this.interval) + 1) * this.interval;
    this.options.write({ kind: 'state', at, brief: pc.briefHash(), ...this.affordableHash(pc) });
  }

  /** The run has ended. @param isByHost the machine could have run on; it is at a moment. */
  ended(pc: Pc, outcome: string, isByHost: boolean): void {
    const { instructions, virtualTime, moment } = pc;
    const hash = pc.stateHash();
    this.options.write({ kind: 'end', ...(isByHost && { at: moment }), outcome, instructions, virtualTime, hash });
  }

  /** The hash of all memory, unless such hashes have taken their share of the time. */
  private affordableHash(pc: Pc): { hash?: string } {
    const { now } = this.options;
    const begins = now();
    if (this.spent > HASH_SHARE * (begins - this.began)) return {};
    const hash = pc.stateHash();
    this.spent += now() - begins;
    return { hash };
  }
}
