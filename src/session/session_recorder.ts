// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../machine/pc.js';
import type { StampedEvent } from './machine_event.js';
import type { RecordedItem } from './recorded_item.js';

/** Instructions of all processors between two states of a recording. */
export const STATE_INTERVAL = 100_000_000;

/** Writes down a run while it happens: its events, its state at intervals, and its end. */
export class SessionRecorder {
  private nextState: number;

  /** @param write takes each item before its event comes in, so that what is written leads to a failure in a handler. */
  constructor(
    private readonly write: (item: RecordedItem) => void,
    private readonly interval = STATE_INTERVAL,
  ) {
    this.nextState = interval;
  }

  event(event: StampedEvent): void {
    this.write({ kind: 'event', ...event });
  }

  /** A quantum has ended. */
  quantumEnded(pc: Pc): void {
    if (pc.instructions < this.nextState) return;
    const at = pc.moment;
    if (at === undefined) return;
    this.nextState = (Math.floor(at.instructions / this.interval) + 1) * this.interval;
    this.write({ kind: 'state', at, hash: pc.stateHash() });
  }

  /** The run has ended. @param isByHost the machine could have run on; it is at a moment. */
  ended(pc: Pc, outcome: string, isByHost: boolean): void {
    const { instructions, virtualTime, moment } = pc;
    const hash = pc.stateHash();
    this.write({ kind: 'end', ...(isByHost && { at: moment }), outcome, instructions, virtualTime, hash });
  }
}
